"""Milvus as a store: one code for a cluster, a standalone server, and Milvus Lite as a server or as a file.

client.py     the connection: the only module that imports pymilvus; errors become one line
schema.py     what a recipe is in Milvus: fields, index, search parameters
filters.py    expressions that select rows
properties.py what is noted of a collection
store.py      the store
making.py     made, opened and dropped
asking.py     searches
writing.py    rows on their way in
"""
