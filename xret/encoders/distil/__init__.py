"""Distillation: students that give the vectors of a teacher (Reimers & Gurevych 2020). Needs the extra `train`."""
