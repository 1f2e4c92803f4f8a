"""Texts as the numbers of their words."""

import collections
import re
import unicodedata
import warnings

import numpy as np

from zoo.errors import InputError, check_count, first_of, shown

# The number of the first word: 0 stands for no word, and nothing has the number 1, of which presets have a vector.
_FIRST = 2


def words(text):
    """The words of a text in lower case; whatever is neither letter, mark on one, digit nor apostrophe parts them.

    Raises:
        InputError: what is no text.
    """
    if not isinstance(text, str):
        raise InputError(f"text is {shown(text)}, expected a text.")
    text = unicodedata.normalize("NFC", text.casefold())
    kept = "".join(character if character == "'" or _spells(character) else " " for character in text)
    return re.findall(r"[^\s']+(?:'[^\s']+)*", kept)


def _spells(character):
    # Marks, but not those that choose between a sign's text and picture.
    is_mark = unicodedata.category(character) in ("Mn", "Mc") and not "\ufe00" <= character <= "\ufe0f"
    return character.isalnum() or is_mark


def vocabulary_of(prompts, least=1):
    """The words of many texts that occur at least `least` times, the most frequent first.

    Raises:
        InputError: one text in place of many, or what is no text.
    """
    prompts, least = texts_of(prompts, "prompts"), check_count(least, "least")
    counts = collections.Counter(word for prompt in prompts for word in words(prompt))
    return [word for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= least]


def texts_of(values, name, kind="texts"):
    """Returns what may be any iterable of texts as a list, or raises `InputError`; a single text is none.

    Args:
        values: the iterable.
        name, kind: how the message calls the argument, and the texts.
    """
    try:
        # What bytes hold is numbers, and what a dict holds keys.
        odd = isinstance(values, (str, bytes, dict)) or getattr(values, "dtype", np.dtype(str)).kind not in "UO"
        texts = None if odd else list(values)
    # The iterator of an object may raise anything.
    except Exception:  # noqa: BLE001
        texts = None
    if texts is None:
        raise InputError(f"{name} is {shown(values)}, expected a list of {kind}.")
    for text in texts:
        if not isinstance(text, str):
            raise InputError(f"{name} holds {shown(text)}, expected {kind}.")
    return texts


class Tokenizer:
    """Texts to rows of word numbers, and what it does not know.

    Args:
        vocabulary: the known words.
        max_words: how many words a text may have.

    Raises:
        InputError: an empty vocabulary, words that are none or repeat, or a `max_words` below 1.
    """

    def __init__(self, vocabulary, max_words):
        self.vocabulary = tuple(texts_of(vocabulary, "vocabulary", "words"))
        self.max_words = check_count(max_words, "max_words")
        if not self.vocabulary:
            raise InputError("vocabulary is empty, expected the words that prompts may have.")
        for word in self.vocabulary:
            if words(word) != [word]:
                raise InputError(f"vocabulary holds {word!r}, expected single words in lower case.")
        [(word, times)] = collections.Counter(self.vocabulary).most_common(1)
        if times > 1:
            raise InputError(f"vocabulary names {word!r} {times} times, expected each word once.")
        self._numbers = {word: number for number, word in enumerate(self.vocabulary, start=_FIRST)}

    @property
    def size(self):
        """How many numbers there are."""
        return len(self.vocabulary) + _FIRST

    def rows_of(self, other):
        """The numbers that another tokenizer has for each of this one's, in order; -1 where it does not know a word."""
        if not isinstance(other, Tokenizer):
            raise InputError(f"other is {shown(other)}, expected a Tokenizer.")
        return np.array([*range(_FIRST), *(other._numbers.get(word, -1) for word in self.vocabulary)])

    def __call__(self, prompts):
        """Numbers of the known words, int32 `(n, max_words)`, filled up with 0; one warning names the unknown ones.

        Raises:
            InputError: no list of texts, or one that is empty, of too many known words, or of unknown words alone.
        """
        prompts = texts_of(prompts, "prompts")
        rows, unknown = np.zeros((len(prompts), self.max_words), "int32"), collections.Counter()
        for row, prompt in zip(rows, prompts, strict=True):
            found = words(prompt)
            if not found:
                raise InputError(f"prompts holds {str(prompt)!r}, which has no word.")
            known = [self._numbers[word] for word in found if word in self._numbers]
            unknown.update(word for word in found if word not in self._numbers)
            if not known:
                raise InputError(
                    f"prompts holds {str(prompt)!r}, none of whose words is known; known are "
                    f"{first_of(self.vocabulary, 20)}."
                )
            if len(known) > self.max_words:
                raise InputError(
                    f"prompts holds one of {len(known)} words, {str(prompt)[:40]!r}…, expected at most "
                    f"{self.max_words}."
                )
            row[: len(known)] = known
        if unknown:
            by_number = [word for word, _ in unknown.most_common()]
            warnings.warn(
                f"{len(unknown)} words of prompts are not known and left out: {first_of(by_number, 10)}. The model's "
                "`vocabulary` lists those that are; from_preset(..., vocabulary=...) makes it learn others.",
                stacklevel=2,
            )
        return rows
