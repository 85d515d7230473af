"""Measures and protocols: runs against judgements, mined pairs against gold, encoders on the standard sets.

measures/     each measure of a ranking, a value with one spelling
judged.py     a run seen through judgements, in integers: what the measures are computed from
scores.py     `score_run`: values per query, means, per language
bitext.py     precision, recall and F1 of mined pairs; the best threshold
bucc.py       the threshold from dev, F1 with its interval on test
probabilities.py   log loss, Brier score and calibration error
tatoeba.py, xsim.py, xsimplus.py, nway.py, pxsim.py, lareqa.py with xquad.py   protocols for encoders
"""
