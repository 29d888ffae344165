"""Running the system on a machine: processes, the embedded MongoDB, the first start, health."""
