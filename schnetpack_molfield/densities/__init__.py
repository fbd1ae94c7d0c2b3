"""What electron densities are asked for: moments, charges, potentials, starts of calculations."""
