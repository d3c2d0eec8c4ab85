"""What mailwatch does, one verb a module. Services know the domain and the ports, nothing else."""
