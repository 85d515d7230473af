"""What comes before a head's training: as before distillation, but the model itself is the teacher, if there is one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from xret.encoders.distil.preparation import Preparation

__all__ = ["HeadPreparation"]


class HeadPreparation(Preparation):
    """Texts as the model reads them; sentence vectors only where batches of neighbours are drawn by them."""

    def _targets(self, english: pa.Array) -> tuple[np.ndarray, str]:
        if self.config.hard_share:
            return super()._targets(english)
        return np.empty((len(english), 0), np.float16), ""
