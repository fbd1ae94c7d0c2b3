"""Data sets as SchNetPack data modules, and the way from files to databases."""
