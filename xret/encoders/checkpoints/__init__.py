"""Model folders: what their files say, the recipe derived from it, their weights, and folders that are ready to run."""
