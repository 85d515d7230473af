"""What comes before training: clean pairs, a tokeniser, tokens, teacher vectors; each kept by what made it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xret.artifact import atomic_file, digest, file_hash
from xret.encoders.distil.batches import TrainingData
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.hard import HardPairs, find_neighbours
from xret.encoders.distil.kept import kept
from xret.encoders.distil.pairs import cap_cells, clean_pairs, load_pairs, split_dev
from xret.encoders.distil.questions import Questions, read_questions
from xret.encoders.distil.sampling import PairSampler
from xret.encoders.distil.siblings import Siblings
from xret.encoders.distil.sources import PairSource, as_source, read_texts
from xret.encoders.distil.targets import teacher_vectors
from xret.encoders.distil.tokens import Tokens, tokenise
from xret.encoders.distil.unknown import refuse_unknown
from xret.errors import CorpusError, ModelError, UsageError

__all__ = ["Preparation"]

log = logging.getLogger("xret")


class Preparation:
    """The steps; each result is under a name that holds the hash of all it depends on."""

    def __init__(
        self, paths: Sequence[str | Path | PairSource], config: DistilConfig, work: Path, *, threads: int | None
    ) -> None:
        """Look at the files.

        Raises:
            CorpusError: one is missing.
            UsageError: there are none.
        """
        self.sources = [as_source(path) for path in (*paths, *config.pairs)]
        if not self.sources:
            raise UsageError("no pairs to train on; give --pairs FILE, or [[pairs]] in the recipe")
        self.work, self.config, self._threads = work, config, threads
        self.inputs = [self._identity(source) for source in self.sources]
        work.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def _identity(source: PairSource) -> object:
        hashes = [file_hash(path) for path in source.existing()]
        named = [source.lang, source.source, dict(source.columns)]
        return [*hashes, *named] if len(hashes) > 1 or any(named) else hashes[0]

    def key(self, step: str, options: object) -> str:
        """A hash of the inputs and of what a step depends on besides."""
        return digest(step, self.inputs, options)

    def _data_key(self) -> str:
        config = self.config
        return self.key("pairs", [config.caps, config.languages, config.dev_pairs, config.seed])

    def _languages(self, table: pa.Table) -> Sequence[str]:
        """Those trained in earnest: the ones named, or all."""
        return self.config.languages or sorted(pc.unique(table["lang"]).to_pylist())

    def pairs(self) -> tuple[pa.Table, pa.Table]:
        """(train, dev) tables.

        Raises:
            CorpusError: no pair is left after cleaning, or none of a language that is named.
            InputError: the tables kept in the work folder are damaged.
        """
        config, name = self.config, self._data_key()[:12]
        files = [self.work / f"{part}-{name}.parquet" for part in ("train", "dev")]
        if not files[1].exists():
            table = cap_cells(clean_pairs(load_pairs(self.sources)), config.caps, seed=config.seed)
            labels = ", ".join(source.label for source in self.sources)
            if table.num_rows == 0:
                raise CorpusError(f"{labels}: no pair is left after cleaning; are both sides translations?")
            if missing := sorted(set(config.languages) - set(pc.unique(table["lang"]).to_pylist())):
                raise CorpusError(f"{labels}: no pairs in {', '.join(missing)}; drop these languages or add pairs")
            parts = split_dev(table, per_language=config.dev_pairs, languages=self._languages(table), seed=config.seed)
            for file, part in zip(files, parts, strict=True):
                with atomic_file(file) as temporary:
                    pq.write_table(part, temporary)
        train, dev = (_kept_table(file) for file in files)
        self._tell_unnamed(train)
        log.info("pairs: %d to train on, %d held out", train.num_rows, dev.num_rows)
        return train, dev

    def _tell_unnamed(self, pairs: pa.Table) -> None:
        """Warn of options that name a source of which there is nothing."""
        config, names = self.config, set(pc.unique(pairs["source"]).to_pylist())
        for option in ("caps", "weights", "document_sources"):
            if absent := sorted(set(getattr(config, option)) - names):
                log.warning(
                    "%s: there are no pairs from %s; sources are %s",
                    option,
                    ", ".join(absent),
                    ", ".join(sorted(names)),
                )

    def _read(self, texts: pa.Array | pa.ChunkedArray, langs: pa.ChunkedArray | str | None) -> pa.Array:
        """Texts as the student reads them: romanised where that is asked."""
        if not self.config.romanise:
            return texts
        from xret.encoders.reading.romanising import romanise
        from xret.encoders.reading.scripts import stated_romaniser

        if (romaniser := stated_romaniser(self.config.romanise, None)) is None:
            return texts
        tags = [langs] * len(texts) if langs is None or isinstance(langs, str) else langs.to_pylist()
        return pa.array(romanise(texts.to_pylist(), lang=tags, romaniser=romaniser), pa.string())

    def _read_pairs(self, pairs: pa.Table) -> pa.Table:
        """`pairs` with both sides as the student reads them."""
        if not self.config.romanise:
            return pairs
        en, text = self._read(pairs["en"], "en"), self._read(pairs["text"], pairs["lang"])
        return pairs.set_column(0, "en", en).set_column(1, "text", text)

    def tokenizer(self, pairs: pa.Table) -> Path:
        """The student's tokenizer.json: of the model it begins as, or a fitted one."""
        config = self.config
        if config.init and (config.tokeniser == "init" or config.student == "transformer"):
            return self._tokenizer_of_init()
        from xret.encoders.distil.framing import SPECIALS, add_specials
        from xret.encoders.distil.tokeniser import fit_tokeniser

        framed = config.student == "transformer"
        key = self.key("tokenizer", [self._data_key(), config.vocab_size, config.chars_per_language, *self._reading()])
        target = self.work / f"tokenizer-{digest(key, 'framed')[:12] if framed else key[:12]}.json"
        if not target.exists():
            made = target.with_suffix(".part")
            fit_tokeniser(
                self._read_pairs(pairs),
                made,
                vocab_size=config.vocab_size - (SPECIALS if framed else 0),
                chars_per_language=config.chars_per_language,
                languages=self._languages(pairs),
                seed=config.seed,
            )
            if framed:
                add_specials(made)
            made.replace(target)
        return target

    def _reading(self) -> list[object]:
        return [list(self.config.romanise)] if self.config.romanise else []

    def _tokenizer_of_init(self) -> Path:
        from xret.encoders.checkpoints.expert_models import open_model
        from xret.encoders.distil.framing import lowercased
        from xret.encoders.locate import locate

        folder = locate(self.config.init)
        checkpoint, lowercase = open_model(folder), False
        if self.config.student == "transformer":
            source, lowercase = checkpoint.tokenizer, checkpoint.recipe.lowercase
        else:
            source = folder / "tokenizer.json"
        if not source.is_file():
            raise ModelError(f"{source}: is missing; make or fetch the model again")
        target = self.work / f"tokenizer-{digest('init', file_hash(source), lowercase)[:12]}.json"
        if not target.exists():
            lowercased(source, target, lowercase=lowercase)
        return target

    def training_data(self, pairs: pa.Table, dev: pa.Table, tokenizer: Path) -> TrainingData:
        """Tokens, teacher vectors and sampler.

        Raises:
            CorpusError: the tokeniser knows nothing of a language's text.
        """
        config = self.config
        english = pc.unique(pairs["en"])
        key = digest(self._data_key(), tokenizer.name, config.max_tokens, *self._reading())
        prefix = self.work / f"tokens-{key[:12]}"

        def tokens(part: str, texts: pa.Array, langs: pa.ChunkedArray | str) -> Tokens:
            target = prefix.with_name(f"{prefix.name}.{part}")
            if not target.with_name(f"{target.name}.starts.npy").exists():
                texts = self._read(texts, langs)
            return tokenise(texts, tokenizer, target, limit=config.max_tokens, label=f"tokenise {part}")

        texts = tokens("texts", pairs["text"], pairs["lang"])
        refuse_unknown(texts, pairs["lang"], tokenizer, main=self._languages(pairs))
        targets, teacher = self._targets(english)
        mono, mono_key = self._mono(pairs, english, tokenizer) if config.masked_weight else (None, "")
        data = TrainingData(
            texts=texts,
            english=tokens("english", english, "en"),
            english_of=_codes(pairs["en"], english),
            targets=targets,
            sampler=self._sampler(pairs),
            dev_texts=tokens("dev-texts", dev["text"], dev["lang"]),
            dev_english=tokens("dev-english", dev["en"], "en"),
            dev_langs=dev["lang"].to_pylist(),
            dev_english_of=_codes(dev["en"], pc.unique(dev["en"])),
            mono=mono,
            identity=digest(key, teacher, mono_key),
        )
        if config.hard_share or config.cross_share:
            langs = _codes(pairs["lang"], pc.unique(pairs["lang"]))
            data = replace(data, siblings=Siblings.of(data.english_of, langs, strings=len(english)))
        if config.hard_share:
            data = replace(data, hard=self._hard(data, teacher))
        return self._with_questions(data, tokenizer) if config.questions else data

    def _targets(self, english: pa.Array) -> tuple[np.ndarray, str]:
        """The teacher's vectors of the distinct English strings, and the teacher's hash."""
        return teacher_vectors(english, self.config, self.work, key=self._data_key(), threads=self._threads)

    def _sampler(self, pairs: pa.Table) -> PairSampler:
        config = self.config
        own = {name: source.weight for source in self.sources if source.weight != 1 for name in self._names(source)}
        return PairSampler(
            pairs,
            languages=config.languages,
            weights={**own, **config.weights},
            language_power=config.language_power,
            others_share=config.others_share,
            one_source_share=config.one_source_share,
            seed=config.seed,
        )

    @staticmethod
    def _names(source: PairSource) -> list[str]:
        """The source names that its rows have."""
        if source.source:
            return [source.source]
        return list(pc.unique(load_pairs([source])["source"]).to_pylist())

    def _with_questions(self, data: TrainingData, tokenizer: Path) -> TrainingData:
        config, table = self.config, read_questions(self.config.questions)
        inputs = [file_hash(Path(path)) for path in config.questions]
        key = digest("questions", inputs, tokenizer.name, config.max_tokens, *self._reading())

        def tokens(part: str) -> Tokens:
            target = self.work / f"tokens-{key[:12]}.{part}"
            made = target.with_name(f"{target.name}.starts.npy").exists()
            texts = table[part] if made else self._read(table[part], table[f"{part}_lang"])
            return tokenise(texts, tokenizer, target, limit=config.max_tokens, label=f"tokenise {part}s")

        questions = Questions.of(table, tokens("question"), tokens("passage"), language_power=config.language_power)
        return replace(data, questions=questions, identity=digest(data.identity, key))

    def _hard(self, data: TrainingData, teacher: str) -> HardPairs:
        k = min(self.config.hard_neighbours, len(data.targets) - 1)
        key = digest(self._data_key(), teacher, k)
        found = find_neighbours(data.targets, self.work / f"neighbours-{key[:12]}.npy", k=k)
        assert data.siblings is not None
        return HardPairs(found, data.siblings)

    def _mono(self, pairs: pa.Table, english: pa.Array, tokenizer: Path) -> tuple[Tokens, str]:
        """Tokens of the monolingual text, or of both sides of the pairs; and a hash of what they were made of."""
        config = self.config
        if config.texts:
            texts, inputs = read_texts(config.texts), [file_hash(Path(path)) for path in config.texts]
        else:
            texts, inputs = pc.unique(pa.concat_arrays([english, *pairs["text"].chunks])), [self._data_key()]
        key = digest("mono", inputs, tokenizer.name, config.max_tokens, *self._reading())
        target = self.work / f"tokens-{key[:12]}.mono"
        if not target.with_name(f"{target.name}.starts.npy").exists():
            texts = self._read(texts, None)
        return tokenise(texts, tokenizer, target, limit=config.max_tokens, label="tokenise text"), key


def _kept_table(path: Path) -> pa.Table:
    with kept(path):
        return pq.read_table(path).combine_chunks()


def _codes(column: pa.ChunkedArray, values: pa.Array) -> np.ndarray:
    return np.asarray(pc.index_in(column, value_set=values).combine_chunks().to_numpy().astype(np.int64))
