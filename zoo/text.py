"""Texts as the numbers of their words."""

import collections
import collections.abc
import re
import warnings

import numpy as np

from zoo.errors import InputError, check_count, first_of

# What stands at the numbers 0 and 1: no word, and a word that is not in the vocabulary.
PADDING, UNKNOWN = 0, 1
_SPECIAL = 2


def words(text):
    """The words of a text in lower case; whatever is neither letter, digit nor apostrophe parts them."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.casefold())


def vocabulary_of(prompts, least=1):
    """The words of many texts that occur at least `least` times, the most frequent first.

    Raises:
        InputError: one text in place of many.
    """
    if isinstance(prompts, str):
        raise InputError(f"prompts is {prompts!r}, expected a list of texts.")
    counts = collections.Counter(word for prompt in prompts for word in words(prompt))
    return [word for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= least]


class Tokenizer:
    """Texts to rows of word numbers, and what it does not know.

    Args:
        vocabulary: the known words.
        max_words: how many words a text may have.

    Raises:
        InputError: an empty vocabulary, words that are none or repeat, or a `max_words` below 1.
    """

    def __init__(self, vocabulary, max_words):
        if isinstance(vocabulary, str) or not isinstance(vocabulary, collections.abc.Iterable):
            raise InputError(f"vocabulary is {vocabulary!r}, expected a list of words.")
        self.vocabulary, self.max_words = tuple(vocabulary), check_count(max_words, "max_words")
        if not self.vocabulary:
            raise InputError("vocabulary is empty, expected the words that prompts may have.")
        for word in self.vocabulary:
            if not isinstance(word, str) or words(word) != [word]:
                raise InputError(f"vocabulary holds {word!r}, expected single words in lower case.")
        [(word, times)] = collections.Counter(self.vocabulary).most_common(1)
        if times > 1:
            raise InputError(f"vocabulary names {word!r} {times} times, expected each word once.")
        self._numbers = {word: number for number, word in enumerate(self.vocabulary, start=_SPECIAL)}

    @property
    def size(self):
        """How many numbers there are."""
        return len(self.vocabulary) + _SPECIAL

    def rows_of(self, other):
        """The numbers that another tokenizer has for each of this one's, in order; -1 where it does not know a word."""
        return np.array([PADDING, UNKNOWN, *(other._numbers.get(word, -1) for word in self.vocabulary)])

    def __call__(self, prompts):
        """Word numbers, int32 `(n, max_words)`, filled up with 0; one warning names the words that are unknown.

        Raises:
            InputError: no list of texts, or one that is empty, too long, or of unknown words alone.
        """
        if isinstance(prompts, str):
            raise InputError(f"prompts is {prompts!r}, expected a list of texts.")
        prompts = list(prompts)
        rows, unknown = np.full((len(prompts), self.max_words), PADDING, "int32"), collections.Counter()
        for row, prompt in zip(rows, prompts, strict=True):
            if not isinstance(prompt, str):
                raise InputError(f"prompts holds {prompt!r}, expected texts.")
            found = words(prompt)
            if not found:
                raise InputError(f"prompts holds {str(prompt)!r}, which has no word.")
            if len(found) > self.max_words:
                raise InputError(
                    f"prompts holds one of {len(found)} words, {str(prompt)[:40]!r}…, expected at most "
                    f"{self.max_words}."
                )
            row[: len(found)] = [self._numbers.get(word, UNKNOWN) for word in found]
            strangers = [word for word in found if word not in self._numbers]
            unknown.update(strangers)
            if len(strangers) == len(found):
                raise InputError(
                    f"prompts holds {str(prompt)!r}, none of whose words is known; known are "
                    f"{first_of(self.vocabulary, 20)}."
                )
        if unknown:
            by_number = [word for word, _ in unknown.most_common()]
            warnings.warn(
                f"{len(unknown)} words of prompts are not known and say nothing to the model: "
                f"{first_of(by_number, 10)}.",
                stacklevel=2,
            )
        return rows
