"""The commands of ``calmops``, one file each; ``cli.main`` names them all."""
