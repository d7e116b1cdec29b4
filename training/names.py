"""Trains the name recogniser: spaCy's NER on Danish text with names marked, and on messages in patients' style.

The messages are written by hand with slots for names (training/name_lists/templates_*.txt) and filled, many times over, from
our lists of names by origin and from Faker's. Messages without names teach what is no name.

    .venv/bin/pip install faker
    .venv/bin/python -m training.names --marked FOLDER --out bot/privacy/names_model

FOLDER holds DaN+ (MIT licence; Plank, Nørgaard Jensen, van der Goot, COLING 2020) as `da_*_train.tsv` and `da_*_dev.tsv`:
a token, a tab and its IOB tag a line, a blank line between sentences.
"""

from __future__ import annotations

import argparse
import random
import re
import unicodedata
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Sequence, Tuple

import spacy
from faker import Faker
from spacy.language import Language
from spacy.training import Example
from spacy.util import fix_random_seed, minibatch

from bot.language import is_word
from bot.paths import CONTENT, DATA
from training.deidentification import cases

LISTS = Path(__file__).parent / "name_lists"
DEVELOP = Path(__file__).parent / "privacy"
PERSON = "PER"
SEED = 20
FILLINGS = 11
EPOCHS = 12
REPEATED = 3
DANISH_SHARE = 0.45
WORDS_SHARE = 0.12
MOST_OTHERS = 6000
_SLOT = re.compile(r"\{(GIVEN|FAMILY|FULL)\}")
_FAKER = {"danish": "da_DK", "turkish": "tr_TR", "polish": "pl_PL", "vietnamese": "vi_VN", "swedish_norwegian": "sv_SE"}
# Whose names live in Denmark, as far as Faker writes them in Latin letters.
_LOCALES = (
    "da_DK", "sv_SE", "no_NO", "fi_FI", "de_DE", "en_GB", "nl_NL", "tr_TR", "pl_PL", "vi_VN", "fr_FR", "es_ES", "it_IT",
    "ro_RO", "hr_HR", "hu_HU", "lt_LT", "lv_LV", "en_IN", "en_PK", "az_AZ", "sw",
)
_WIDTH = 128
_TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": _WIDTH,
    "depth": 4,
    "embed_size": 4000,
    "window_size": 1,
    "maxout_pieces": 3,
    "subword_features": True,
    "pretrained_vectors": None,
}
_NER = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "ner",
    "extra_state_tokens": False,
    "hidden_width": 64,
    "maxout_pieces": 2,
    "use_upper": True,
    "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": _WIDTH},
}


@dataclass(frozen=True)
class Marked:
    """A text and where its names stand, as characters [start, end)."""

    text: str
    names: Tuple[Tuple[int, int], ...] = ()

    def lowered(self) -> "Marked":
        """The same, as someone types who uses no capitals."""
        lower = self.text.lower()
        return Marked(lower if len(lower) == len(self.text) else self.text, self.names)


class Names:
    """Names by origin, drawn at random: half of them Danish."""

    def __init__(self, chance: random.Random):
        self._chance = chance
        self.given = {path.name.split(".")[0]: _lines(path) for path in sorted(LISTS.glob("*.given.txt"))}
        self._family = {path.name.split(".")[0]: _lines(path) for path in sorted(LISTS.glob("*.family.txt"))}
        for origin, locale in _FAKER.items():
            fake = Faker(locale)
            fake.seed_instance(SEED)
            self.given[origin] += [fake.first_name() for _ in range(150)]
            self._family[origin] += [fake.last_name() for _ in range(150)]
        lists = (*self.given.values(), *self._family.values(), *(_faker_names(locale) for locale in _LOCALES))
        self.all = {part for names in lists for name in names for part in name.lower().split()}

    def draw(self, slot: str) -> str:
        """A name for a slot."""
        origin = self._origin()
        given = self._chance.choice(self.given[origin])
        family = self._chance.choice(self._family.get(origin) or self._family["danish"])
        name = {"GIVEN": given, "FAMILY": family}.get(slot) or self._full(given, family, origin)
        return _without_accents(name) if self._chance.random() < 0.1 else name

    def knows(self, word: str) -> bool:
        """Whether the word (lower case) is one of the names."""
        return word in self.all

    def _origin(self) -> str:
        if self._chance.random() < WORDS_SHARE:
            return "words"
        if self._chance.random() < DANISH_SHARE:
            return self._chance.choice(["danish", "danish", "danish_old"])
        return self._chance.choice(sorted(self.given))

    def _full(self, given: str, family: str, origin: str) -> str:
        kind = self._chance.random()
        if kind < 0.1:
            return f"{given} {self._chance.choice(self.given[origin])} {family}"
        if kind < 0.2:
            return f"{given} {family[0].upper()}. {self._chance.choice(self._family.get(origin) or self._family['danish'])}"
        return f"{given} {family}"


def _faker_names(locale: str) -> List[str]:
    """All first and last names that Faker knows for a locale."""
    provider = import_module(f"faker.providers.person.{locale}").Provider
    lists = [getattr(provider, key) for key in dir(provider) if key.startswith(("first_name", "last_name"))]
    return [name for names in lists if not callable(names) for name in names if isinstance(name, str)]


def filled(template: str, names: Names, chance: random.Random) -> Marked:
    """The template with names in its slots, typed as the rest of it is."""
    outside = _SLOT.sub("", template)
    typed = str.lower if outside == outside.lower() else str.upper if outside == outside.upper() else str
    if typed is str.lower and chance.random() < 0.15:
        typed = str  # some write names, and only names, with a capital
    if chance.random() < 0.03:
        template, typed = _shouted(template), str.upper
    text, places, end = "", [], 0
    for slot in _SLOT.finditer(template):
        text += template[end : slot.start()] + (_number(chance) if chance.random() < 0.04 else "")
        name = typed(names.draw(slot.group(1)))
        places.append((len(text), len(text) + len(name)))
        text, end = text + name, slot.end()
    return Marked(text + template[end:], tuple(places))


def _shouted(template: str) -> str:
    """The template in capitals, its slots as they are."""
    return "".join(part if _SLOT.fullmatch(part) else part.upper() for part in re.split(r"(\{[A-Z]+\})", template))


def _number(chance: random.Random) -> str:
    """A number as it stands before a name."""
    digits = "".join(str(chance.randrange(10)) for _ in range(chance.choice([4, 6, 8, 10])))
    return f"{digits[:6]}-{digits[6:]} " if len(digits) == 10 and chance.random() < 0.5 else f"{digits} "


def others(names: Names, chance: random.Random) -> List[Marked]:
    """Messages of the assistant's own training data, which name nobody."""
    examples = [line.strip()[2:] for path in (DATA / "nlu").glob("*.yml") for line in _lines(path) if line.strip().startswith("- ")]
    said = [part for path in (DATA / "safety").rglob("*.txt") for line in _lines(path) for part in line.split(" || ")]
    clean = [text for text in sorted({*examples, *said}) if not any(names.knows(word) for word in re.findall(r"\w+", text.lower()))]
    return [Marked(text) for text in chance.sample(clean, min(MOST_OTHERS, len(clean)))]


def messages(path: Path) -> Iterator[Marked]:
    """The messages of a file with personal data marked, and where their names stand."""
    for case in cases(path):
        places, end = [], 0
        for words, kind in case.marks:
            end = case.text.index(words, end) + len(words)
            if kind == "NAME":
                places.append((end - len(words), end))
        yield Marked(case.text, tuple(places))


def newswire(path: Path) -> Iterator[Marked]:
    """The sentences of a DaN+ file."""
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        rows = [line.split("\t") for line in block.splitlines() if "\t" in line]
        text, places = "", []
        for row in rows:
            start = len(text) + bool(text)
            text = f"{text} {row[0]}" if text else row[0]
            if row[1] in ("B-PER", "I-PER"):
                if places and row[1] == "I-PER" and places[-1][1] == start - 1:
                    places[-1] = (places[-1][0], len(text))
                else:
                    places.append((start, len(text)))
        if rows:
            yield Marked(text, tuple(places))


def corpus(marked: Path, chance: random.Random) -> List[Marked]:
    """All training texts."""
    names = Names(chance)
    templates = [line for path in sorted(LISTS.glob("templates_*.txt")) for line in _lines(path)]
    texts = [filled(template, names, chance) for template in templates for _ in range(FILLINGS)]
    clean = [Marked(line) for line in _lines(LISTS / "clean.txt")]
    files = sorted(marked.glob("da_*_train.tsv")) + sorted(marked.glob("da_*_dev.tsv"))
    written = [sentence for path in files for sentence in newswire(path)]
    own = [message for path in sorted(DEVELOP.glob("*.txt")) for message in messages(path)] * REPEATED
    return [*texts, *own, *(text.lowered() for text in own), *others(names, chance), *clean, *(line.lowered() for line in clean), *written, *(text.lowered() for text in written)]


def train(texts: Sequence[Marked], chance: random.Random) -> Language:
    """The trained pipeline."""
    fix_random_seed(SEED)
    nlp = spacy.blank("da")
    nlp.add_pipe("tok2vec", config={"model": _TOK2VEC})
    nlp.add_pipe("ner", config={"model": _NER}).add_label(PERSON)
    examples = [example for example in (_example(nlp, text) for text in texts) if example]
    optimizer = nlp.initialize(lambda: examples[:500])
    for epoch in range(EPOCHS):
        chance.shuffle(examples)
        losses: Dict[str, float] = {}
        for batch in minibatch(examples, size=64 if epoch else 32):
            nlp.update(batch, drop=0.2, sgd=optimizer, losses=losses)
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {losses['ner']:.0f}", flush=True)
    with nlp.use_params(optimizer.averages):
        return nlp.from_bytes(nlp.to_bytes())


def _example(nlp: Language, marked: Marked) -> "Example | None":
    doc = nlp.make_doc(marked.text)
    spans = [doc.char_span(start, end, PERSON, alignment_mode="expand") for start, end in marked.names]
    if any(span is None for span in spans):
        return None
    gold = nlp.make_doc(marked.text)
    gold.set_ents(spacy.util.filter_spans([gold.char_span(s.start_char, s.end_char, PERSON) for s in spans]))
    return Example(doc, gold)


def _lines(path: Path) -> List[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _without_accents(name: str) -> str:
    kept = name.replace("ø", "oe").replace("æ", "ae").replace("å", "aa").replace("ı", "i")
    return "".join(char for char in unicodedata.normalize("NFD", kept) if not unicodedata.combining(char))


def known_names(names: Names) -> Tuple[List[str], List[str]]:
    """Names that are nothing else in Danish or in our texts, and Danish names that are words, too; lower case, sorted."""
    curated = _words_of([*CONTENT.rglob("*.yml"), LISTS / "clean.txt"])
    said = curated | _words_of([*DATA.rglob("*.yml"), *DATA.rglob("*.txt")])
    danish = {name for origin in ("danish", "danish_old", "words") for name in _lower(names.given[origin]) if name.isalpha()}
    danish |= {name for name in _lower(_faker_names("da_DK")) if name.isalpha() and len(name) > 2}
    # Patients' messages hold Danish names now and then: a foreign name that stands in them is more likely a word.
    alone = {name for name in names.all if len(name) > 2 and name.isalpha() and not is_word(name) and name not in said}
    alone |= {name for name in danish if not is_word(name) and name not in curated}
    return sorted(alone), sorted(danish - alone)


def _words_of(paths: Sequence[Path]) -> FrozenSet[str]:
    """The words of files, lower case."""
    return frozenset(word for path in paths for word in re.findall(r"[^\W\d_]+", path.read_text(encoding="utf-8").lower()))


def _lower(names: Sequence[str]) -> List[str]:
    return [name.lower() for name in names]


def main() -> None:
    """Train and write the pipeline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--marked", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    chance = random.Random(SEED)
    texts = corpus(chosen.marked, chance)
    print(f"{len(texts)} texts, {sum(len(text.names) for text in texts)} names")
    train(texts, chance).to_disk(chosen.out, exclude=["vocab"])
    for file, known in zip(("known.txt", "also_words.txt"), known_names(Names(chance))):
        (chosen.out / file).write_text("\n".join(known) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
