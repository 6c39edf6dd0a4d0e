"""One visible loop, with what it needs: devices, optimizers, schedules, checkpoints, logs."""
