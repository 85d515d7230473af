"""Cross-encoders: models that read a query and a document together and give one score (Nogueira & Cho 2019)."""

__all__: list[str] = []
