"""Word embeddings: the token vectors in the package wordllama, read from its files.

The package's own code is not run, since it would set up logging and look for downloads. Nothing is downloaded.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE = "wordllama"
WEIGHTS, TOKENIZER = "weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"
MISSING = (
    "the sentence embedding is not installed on this machine (package wordllama), so words are matched by spelling "
    "alone; install it with `pip install wordllama`"
)


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Token vectors [V, 256] and their tokenizer."""

    tokens: np.ndarray
    tokenizer: Any

    def embed(self, phrases: Sequence[str]) -> np.ndarray:
        """Normalised mean of each phrase's token vectors, float32 [N, 256]; zeros for an empty phrase."""
        rows = np.zeros((len(phrases), self.tokens.shape[1]), np.float32)
        for row, phrase in zip(rows, phrases, strict=True):
            ids = self.tokenizer.encode(phrase, add_special_tokens=False).ids
            if ids:
                row[:] = self.tokens[ids].astype(np.float32).mean(axis=0)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        result: np.ndarray = rows / np.maximum(lengths, 1e-9)
        return result

    def is_single_token(self, word: str) -> bool:
        """Whether a word is one token, as common words are: then it is not taken for a misspelling."""
        return len(self.tokenizer.encode(word, add_special_tokens=False).ids) == 1


@functools.cache
def load_vectors() -> WordVectors | None:
    """The word embeddings, cached (0.2 s the first time); None where the package or its files are missing.

    Source: wordllama 0.4 (MIT), 256 dimensions, trained on the token embeddings of Llama 2 and other models.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    try:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        tokens = load_file(str(folder / WEIGHTS))["embedding.weight"]
        return WordVectors(tokens, Tokenizer.from_file(str(folder / TOKENIZER)))
    except Exception:  # tokenizers raises bare Exception; a damaged package is as good as none
        return None
