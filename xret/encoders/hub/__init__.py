"""Models from a hub, fetched and made ready."""
