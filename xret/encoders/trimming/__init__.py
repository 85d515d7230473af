"""Vocabulary trimming: a checkpoint cut down to the tokens that given texts use (Abdaoui et al. 2020)."""
