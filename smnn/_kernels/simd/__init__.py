"""Vectors for numba: compile options, the vector type, memory access and transposition."""
