"""Measures and protocols: runs against judgements, mined pairs against gold, encoders on the standard sets.

measures/     each measure of a ranking, a value with one spelling; answers in texts
fairness/     how runs treat the languages of documents and of queries
statistics/   intervals, tests, corrections: how sure a difference is
benchmarks/   published evaluation sets from local files, and scoring runs by their protocols
judged.py     a run seen through judgements, in integers: what the measures are computed from
frames.py     results as data frames, CSV and Parquet
scores.py     `score_run`: values per query, means, per language
matrix.py     any measure by language of the query and of the document
evaluation.py runs against judgements, all of it as one value
subtopics.py, topics.py   what documents are about, and which queries are one topic
bitext.py     precision, recall and F1 of mined pairs; the best threshold
bucc.py       the threshold from dev, F1 with its interval on test
probabilities.py   log loss, Brier score and calibration error
tatoeba.py, xsim.py, xsimplus.py, nway.py, pxsim.py, lareqa.py with xquad.py   protocols for encoders
flores.py     files of FLORES and NTREX, for xsim between every two languages
belebele.py, mfaq.py, known_item.py   pools of passages, answers, and one's own parallel documents
protocols/    what each protocol fixes, as data; scored rows, and which of them may be compared
"""
