"""Why a control does not work for the agent who sees it, and who could use it."""

from accounts.denial import Denial, denial_of

__all__ = ["Denial", "denial_of"]
