#!/usr/bin/env python3
"""The door to the hub: `demo`, `test`, `check_all` and every Django command.

Standard library only, and readable by old interpreters, until the environment stands.
"""

import sys

NEEDED = (3, 11)


def main():  # type: () -> int
    if sys.version_info < NEEDED:
        sys.stderr.write(
            "Partner Hub needs Python 3.11 or newer; this is Python %d.%d (%s).\n"  # noqa: UP031
            % (sys.version_info[0], sys.version_info[1], sys.executable)
        )
        return 1
    from partnerhub.runtime import bootstrap

    try:
        bootstrap.enter(sys.argv)
    except bootstrap.BootstrapError as error:
        sys.stderr.write(str(error) + "\n")
        return 1

    from partnerhub.runtime import commands

    return commands.run(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
