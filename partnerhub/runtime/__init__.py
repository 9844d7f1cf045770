"""Starts the hub: its environment, its embedded servers, its processes. Knows nothing of the business."""
