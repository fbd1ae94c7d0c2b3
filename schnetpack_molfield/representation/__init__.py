"""The molecular field as a SchNetPack representation."""
