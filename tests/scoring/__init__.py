"""Arithmetic on people, held against published figures and plainer ways of computing the same."""
