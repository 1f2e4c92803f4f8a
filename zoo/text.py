"""Tokenization: splits texts into words and maps them to numbers."""

import collections
import re
import unicodedata
import warnings

import numpy as np

from zoo.errors import InputError, check_count, first_of, shown

# Number of the first word. 0 is padding; no word has the number 1, but presets have an embedding for it.
_FIRST = 2
_LONGEST_WORD = 100


def words(text):
    """Splits a text into words in lower case.

    Letters, combining marks, digits and apostrophes within a word belong to words; all other characters separate them.

    Args:
        text: str.

    Returns:
        List of str.

    Raises:
        InputError: `text` is not a string.
    """
    if not isinstance(text, str):
        raise InputError(f"text is {shown(text)}, expected a text.")
    text = unicodedata.normalize("NFC", text.casefold())
    kept = "".join(character if character == "'" or _spells(character) else " " for character in text)
    return re.findall(r"[^\s']+(?:'[^\s']+)*", kept)


def _spells(character):
    # Variation selectors, which choose between the text and the picture of a sign, are marks that spell nothing.
    is_mark = unicodedata.category(character) in ("Mn", "Mc") and not "\ufe00" <= character <= "\ufe0f"
    return character.isalnum() or is_mark


def vocabulary_of(prompts, least=1):
    """Lists the words that occur at least `least` times in many texts, the most frequent first.

    Args:
        prompts: iterable of texts.
        least: minimum number of occurrences, at least 1; default 1.

    Returns:
        List of str.

    Raises:
        InputError: `prompts` is a single text or holds something else than texts.
    """
    prompts, least = texts_of(prompts, "prompts"), check_count(least, "least")
    counts = collections.Counter(word for prompt in prompts for word in words(prompt))
    return [word for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= least]


def texts_of(values, name, kind="texts"):
    """Returns an iterable of texts as a list; a single text is refused.

    Args:
        values: iterable of str.
        name: name of the argument in the error message.
        kind: what the error message calls the texts; default `"texts"`.

    Returns:
        List of str.

    Raises:
        InputError: `values` is not an iterable of texts.
    """
    try:
        # Iterating bytes gives numbers, and iterating a dict gives keys.
        odd = isinstance(values, (str, bytes, dict)) or getattr(values, "dtype", np.dtype(str)).kind not in "UO"
        texts = None if odd else list(values)
    # The iterator of a foreign object may raise any error.
    except Exception:  # noqa: BLE001
        texts = None
    if texts is None:
        raise InputError(f"{name} is {shown(values)}, expected a list of {kind}.")
    for text in texts:
        if not isinstance(text, str):
            raise InputError(f"{name} holds {shown(text)}, expected {kind}.")
    return texts


class Tokenizer:
    """Maps texts to rows of word numbers and warns of unknown words.

    Args:
        vocabulary: iterable of the known words, in lower case.
        max_words: maximum number of known words in a text, at least 1.

    Raises:
        InputError: the vocabulary is empty, holds something else than single words or repeats one, or `max_words` is
            below 1.
    """

    def __init__(self, vocabulary, max_words):
        self.vocabulary = tuple(texts_of(vocabulary, "vocabulary", "words"))
        self.max_words = check_count(max_words, "max_words")
        if not self.vocabulary:
            raise InputError("vocabulary is empty, expected the words that prompts may have.")
        for word in self.vocabulary:
            # Python takes minutes to normalize a text of nothing but marks.
            if len(word) > _LONGEST_WORD or words(word) != [word]:
                raise InputError(f"vocabulary holds {shown(word)}, expected single words in lower case.")
        [(word, times)] = collections.Counter(self.vocabulary).most_common(1)
        if times > 1:
            raise InputError(f"vocabulary names {word!r} {times} times, expected each word once.")
        #: Dict of the number of each word.
        self.numbers = {word: number for number, word in enumerate(self.vocabulary, start=_FIRST)}

    @property
    def size(self):
        """Number of distinct word numbers, including 0 (padding) and 1 (unused)."""
        return len(self.vocabulary) + _FIRST

    def rows_of(self, other):
        """Returns, for each number of this tokenizer, the number of the same word in another one.

        Args:
            other: `Tokenizer`.

        Returns:
            int array `(size,)`; -1 where the other tokenizer does not know the word.

        Raises:
            InputError: `other` is not a `Tokenizer`.
        """
        if not isinstance(other, Tokenizer):
            raise InputError(f"other is {shown(other)}, expected a Tokenizer.")
        return np.array([*range(_FIRST), *(other.numbers.get(word, -1) for word in self.vocabulary)])

    def __call__(self, prompts):
        """Converts texts to the numbers of their known words; one warning names the unknown words.

        Args:
            prompts: iterable of n texts.

        Returns:
            int32 array `(n, max_words)`, padded with 0.

        Raises:
            InputError: `prompts` is not a list of texts, or a text has no known word or too many.
        """
        prompts = texts_of(prompts, "prompts")
        rows, unknown = np.zeros((len(prompts), self.max_words), "int32"), collections.Counter()
        for row, prompt in zip(rows, prompts, strict=True):
            found = words(prompt)
            if not found:
                raise InputError(f"prompts holds {str(prompt)!r}, which has no word.")
            known = [self.numbers[word] for word in found if word in self.numbers]
            unknown.update(word for word in found if word not in self.numbers)
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
