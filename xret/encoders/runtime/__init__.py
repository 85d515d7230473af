"""Running graphs: devices, sessions, batches."""
