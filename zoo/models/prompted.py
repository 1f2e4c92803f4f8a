"""What models share that draw the content of texts."""

from zoo.errors import InputError
from zoo.exporting.networks import Values
from zoo.models.generative_model import GenerativeModel


class Prompted(GenerativeModel):
    """Base of models with `prompts`, a `zoo.sampling.conditions.Prompts`, or None for a model without texts.

    A subclass also has `max_words`, the maximal number of words in a prompt.
    """

    @property
    def vocabulary(self):
        """The words that prompts may contain, or None for a model without texts."""
        return None if self.prompts is None else self.prompts.tokenizer.vocabulary

    @property
    def example_prompts(self):
        """The texts that `generate` draws from if it is given no prompts, or None."""
        return None if self.prompts is None else self.prompts.examples

    def tokenize(self, prompts):
        """Returns word numbers, int32 `(n, max_words)`, of a list of texts, for ready-made batches.

        Raises:
            InputError: If the model has no vocabulary, or `prompts` is no list of texts.
        """
        if self.prompts is None:
            raise InputError(f"This {type(self).__name__} has no vocabulary, expected a model that draws texts.")
        return self.prompts.tokenizer(prompts)

    @classmethod
    def changed_arguments(cls, arguments, overrides):
        if "vocabulary" in overrides:
            # The example prompts use the pretrained vocabulary.
            arguments = {**arguments, "example_prompts": None}
        return super().changed_arguments(arguments, overrides)

    def rows_of(self, other):
        """Returns, for each embedding, the row of another model that initializes each row of this one, or -1.

        `from_preset(name, vocabulary=...)` uses it to keep the vectors of words that both models know.
        """
        if self.prompts is None or other.prompts is None:
            return {}
        return {"word_vectors": self.prompts.tokenizer.rows_of(other.prompts.tokenizer)}

    @property
    def exported_tokens(self):
        """The word numbers among the inputs of exported networks."""
        return Values((self.max_words,), "int32", (0, self.prompts.tokenizer.size - 1))

    def exported_files(self):
        """Returns the number of each word that a prompt may have; 0 pads prompts to `max_words`."""
        if self.prompts is None:
            return {}
        words = {"max_words": self.max_words, "words": self.prompts.tokenizer.numbers}
        return {"vocabulary.json": {**words, "example_prompts": self.example_prompts}}
