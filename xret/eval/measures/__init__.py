"""Measures of rankings with trec_eval's semantics; each is a value with one spelling, printed and parsed alike."""

from __future__ import annotations

from xret.eval.measures.alpha_ndcg import AlphaNDCG
from xret.eval.measures.average_precision import AveragePrecision
from xret.eval.measures.bpref import BinaryPreference
from xret.eval.measures.judged_share import JudgedShare
from xret.eval.measures.measure import Measure
from xret.eval.measures.ndcg import NDCG
from xret.eval.measures.precision import Precision, RPrecision, Success
from xret.eval.measures.rbp import RankBiasedPrecision
from xret.eval.measures.recall import Recall
from xret.eval.measures.reciprocal_rank import ReciprocalRank
from xret.eval.measures.spelling import MEASURES, from_level, parse_measure

__all__ = [
    "MEASURES",
    "NDCG",
    "AlphaNDCG",
    "AveragePrecision",
    "BinaryPreference",
    "JudgedShare",
    "Measure",
    "Precision",
    "RPrecision",
    "RankBiasedPrecision",
    "Recall",
    "ReciprocalRank",
    "Success",
    "from_level",
    "parse_measure",
]
