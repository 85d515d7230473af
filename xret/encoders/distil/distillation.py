"""A whole distillation: pairs in, model folder out. Every step is kept under a work folder and skipped when done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xret.artifact import atomic_file, digest, file_hash
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.pairs import cap_cells, clean_pairs, existing_pairs, load_pairs, split_dev
from xret.errors import CorpusError, InputError

if TYPE_CHECKING:
    from xret.encoders.distil.batches import TrainingData

__all__ = ["Distilled", "distil"]

log = logging.getLogger("xret")


@dataclass(frozen=True)
class Distilled:
    """What a distillation made.

    Attributes:
        folder: the model folder.
        dev_accuracy: see `dev_accuracy`, of the saved model.
        drift: mean cosine between the float32 student's vectors and the saved int8 model's, on the held-out pairs.
        pairs: pairs trained on.
    """

    folder: Path
    dev_accuracy: float
    drift: float
    pairs: int


def distil(
    paths: Sequence[Path], config: DistilConfig, *, out: Path, work: Path, threads: int | None = None
) -> Distilled:
    """Train a static student of `config.teacher` on the pairs of `paths` and write it to the folder `out`.

    Args:
        paths: Parquet or TSV files of pairs (`load_pairs`).
        config: the options.
        out: model folder to make; it must not exist.
        work: folder for prepared data, teacher vectors and checkpoints; a second call goes on where the first stopped.
        threads: CPU threads.

    Raises:
        CorpusError, ModelError, MismatchError, InputError: see the steps.
    """
    import torch

    from xret.encoders.distil.model_folder import write_model
    from xret.encoders.distil.train import train

    if out.exists():
        raise InputError(f"{out}: exists already; remove it or choose another name")
    if threads:
        torch.set_num_threads(threads)
    work.mkdir(parents=True, exist_ok=True)
    steps = _Steps(work, config, [file_hash(existing_pairs(path)) for path in paths])
    pairs, dev = steps.pairs(paths)
    tokenizer = steps.tokenizer(pairs)
    data = steps.training_data(pairs, dev, tokenizer, threads=threads)
    key = steps.key("train", asdict(config))
    student = train(data, config, checkpoint=work / f"checkpoint-{key[:12]}.safetensors", key=key)
    accuracy, drift = write_model(student, data, config, tokenizer=tokenizer, out=out, pairs=pairs)
    return Distilled(out, accuracy, drift, pairs.num_rows)


def _codes(column: pa.ChunkedArray, values: pa.Array) -> np.ndarray:
    return np.asarray(pc.index_in(column, value_set=values).combine_chunks().to_numpy().astype(np.int64))


class _Steps:
    """The preparation, each result under a name that holds the hash of all it depends on."""

    def __init__(self, work: Path, config: DistilConfig, inputs: list[str]) -> None:
        self.work, self.config, self.inputs = work, config, inputs

    def key(self, step: str, options: object) -> str:
        return digest(step, self.inputs, options)

    def _data_key(self) -> str:
        config = self.config
        return self.key("pairs", [config.caps, config.languages, config.dev_pairs, config.seed])

    def _languages(self, table: pa.Table) -> Sequence[str]:
        """Those trained in earnest: the ones named, or all."""
        return self.config.languages or sorted(pc.unique(table["lang"]).to_pylist())

    def pairs(self, paths: Sequence[Path]) -> tuple[pa.Table, pa.Table]:
        """(train, dev) tables."""
        config, name = self.config, self._data_key()[:12]
        files = [self.work / f"{part}-{name}.parquet" for part in ("train", "dev")]
        if not files[1].exists():
            table = cap_cells(clean_pairs(load_pairs(paths)), config.caps, seed=config.seed)
            if table.num_rows == 0:
                raise CorpusError(
                    f"{', '.join(map(str, paths))}: no pair is left after cleaning; are both sides translations?"
                )
            parts = split_dev(table, per_language=config.dev_pairs, languages=self._languages(table), seed=config.seed)
            for file, part in zip(files, parts, strict=True):
                with atomic_file(file) as temporary:
                    pq.write_table(part, temporary)
        train, dev = (pq.read_table(file).combine_chunks() for file in files)
        log.info("pairs: %d to train on, %d held out", train.num_rows, dev.num_rows)
        return train, dev

    def tokenizer(self, pairs: pa.Table) -> Path:
        """The fitted tokeniser's file."""
        from xret.encoders.distil.tokeniser import fit_tokeniser

        config = self.config
        key = self.key("tokenizer", [self._data_key(), config.vocab_size, config.chars_per_language])
        target = self.work / f"tokenizer-{key[:12]}.json"
        if not target.exists():
            fit_tokeniser(
                pairs,
                target,
                vocab_size=config.vocab_size,
                chars_per_language=config.chars_per_language,
                languages=self._languages(pairs),
                seed=config.seed,
            )
        return target

    def training_data(self, pairs: pa.Table, dev: pa.Table, tokenizer: Path, *, threads: int | None) -> TrainingData:
        """Tokens, teacher vectors and sampler."""
        from xret.encoders.distil.batches import TrainingData
        from xret.encoders.distil.sampling import PairSampler
        from xret.encoders.distil.tokens import Tokens, tokenise

        config = self.config
        english = pc.unique(pairs["en"])
        prefix = self.work / f"tokens-{digest(self._data_key(), tokenizer.name, config.max_tokens)[:12]}"

        def tokens(part: str, texts: pa.Array) -> Tokens:
            return tokenise(
                texts,
                tokenizer,
                prefix.with_name(f"{prefix.name}.{part}"),
                limit=config.max_tokens,
                label=f"tokenise {part}",
            )

        return TrainingData(
            texts=tokens("texts", pairs["text"]),
            english=tokens("english", english),
            english_of=_codes(pairs["en"], english),
            targets=self._teacher_vectors(english, threads=threads),
            sampler=PairSampler(
                pairs,
                languages=config.languages,
                weights=config.weights,
                language_power=config.language_power,
                others_share=config.others_share,
                one_source_share=config.one_source_share,
                seed=config.seed,
            ),
            dev_texts=tokens("dev-texts", dev["text"]),
            dev_english=tokens("dev-english", dev["en"]),
            dev_langs=dev["lang"].to_pylist(),
            dev_english_of=_codes(dev["en"], pc.unique(dev["en"])),
        )

    def _teacher_vectors(self, english: pa.Array, *, threads: int | None) -> np.ndarray:
        """(distinct English strings, d) float16 unit rows, made once and kept as a vector store."""
        from xret.encoders import encode_corpus, load_encoder
        from xret.vectors import Vectors

        teacher = load_encoder(self.config.teacher, threads=threads)
        folder = self.work / f"teacher-{digest(self._data_key(), teacher.hash)[:12]}"
        if not folder.exists():
            rows = len(english)
            corpus = pa.table(
                {
                    "id": pc.cast(pa.array(np.arange(rows)), pa.string()),
                    "text": english,
                    "lang": pa.array(["en"] * rows),
                }
            )
            encode_corpus(corpus, folder, encoder=teacher, role=None, dtype="float16", resume=True)
        store = Vectors.open(folder)
        matrix = np.empty((store.rows, store.dim), dtype=np.float16)
        for start in range(0, store.rows, 65536):
            matrix[start : start + 65536] = store.block(start, min(start + 65536, store.rows))
        return matrix
