"""Documentation that is generated from the code, so that it cannot say something else."""
