"""Arithmetic on people: quintiles, purchase model and order value, usual gaps; numbers in, numbers out."""
