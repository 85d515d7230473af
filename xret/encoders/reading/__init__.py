"""Texts to token ids, as each checkpoint's own tokeniser and language rules have it."""
