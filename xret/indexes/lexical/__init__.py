"""A lexical index: BM25 over the words of every language, analysed as that language needs.

analyzers/     texts to index terms, by language
layout.py      the folder and its manifest
inversion.py   documents to postings
terms.py       a sorted list of terms, mapped
segments.py    postings written and mapped
build.py       a new index, in bounded memory
change.py      rows added, replaced, deleted; segments joined
opened.py      an index opened
scoring.py     BM25, also of terms with alternatives
search.py      the best k of every query
describe.py    what an index holds, in words
check.py       whether an index is what its manifest says
lexicons/      translation probabilities from parallel texts; queries translated with them
lucene/        Lucene indexes, read and written (optional)
verbs.py       all of it, as every kind of index has it
"""
