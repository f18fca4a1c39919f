"""Writes the trained model down: GGUF for llama.cpp (q8_0), and a Hugging Face directory for the other engines."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import gguf
import numpy
import torch
from tokenizers import Tokenizer

from .network import Shape, Tiny
from .template import CHAT_TEMPLATE
from .tokenizer import CONTROL, MARKS

NAME = "tokenworks-tiny"
GGUF_NAMES = {
    "input_layernorm": "attn_norm", "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v",
    "o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "gate_proj": "ffn_gate", "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}


def load_model(checkpoint: Path) -> Tiny:
    """The model of a checkpoint."""
    model = Tiny(Shape())
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    return model.eval()


def _interleave(weight: numpy.ndarray, heads: int) -> numpy.ndarray:
    """Rows of a query or key projection from rotated halves (Hugging Face) to rotated pairs (llama.cpp)."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def write_gguf(model: Tiny, tokenizer: Tokenizer, path: Path) -> None:
    """One file with weights (matrices q8_0), tokenizer and chat template."""
    shape = model.shape
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(NAME)
    writer.add_license("apache-2.0")
    writer.add_description("A very small model that shows how tokens are made, metered and sold.")
    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(shape.norm_eps)
    writer.add_rope_dimension_count(shape.head)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    _add_tokenizer(writer, tokenizer)
    for name, weight in model.state_dict().items():
        values = weight.float().numpy()
        if "q_proj" in name or "k_proj" in name:
            values = _interleave(values, shape.heads if "q_proj" in name else shape.kv_heads)
        if values.ndim == 1:
            writer.add_tensor(_gguf_name(name), values)
        else:
            packed = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(_gguf_name(name), packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _gguf_name(name: str) -> str:
    if name in ("embed_tokens.weight", "norm.weight"):
        return {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}[name]
    _, layer, part, _ = name.split(".")
    return f"blk.{layer}.{GGUF_NAMES[part]}.weight"


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    pieces = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    kinds = gguf.TokenType
    types = [kinds.CONTROL if piece in CONTROL else kinds.USER_DEFINED if piece in MARKS
             else kinds.UNUSED if piece.startswith("<|pad_") else kinds.NORMAL for piece in pieces]
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    end, last = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(pieces)
    writer.add_token_types(types)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_eos_token_id(end)
    writer.add_eot_token_id(end)
    writer.add_bos_token_id(last)
    writer.add_pad_token_id(last)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def write_huggingface(model: Tiny, tokenizer: Tokenizer, folder: Path) -> None:
    """A directory that transformers, vLLM and SGLang open: config, tokenizer, float32 weights as safetensors."""
    shape = model.shape
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = {name: tokenizer.token_to_id(name) for name in CONTROL}
    _write_json(folder / "config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": shape.vocabulary,
        "hidden_size": shape.width, "intermediate_size": shape.hidden, "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads, "num_key_value_heads": shape.kv_heads, "head_dim": shape.head,
        "hidden_act": "silu", "rms_norm_eps": shape.norm_eps, "rope_theta": shape.rope_base,
        "max_position_embeddings": shape.context, "tie_word_embeddings": True, "attention_bias": False,
        "mlp_bias": False, "torch_dtype": "float32", "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"], "pad_token_id": ids["<|endoftext|>"]})
    _write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
        "bos_token": "<|endoftext|>", "add_bos_token": False, "model_max_length": shape.context,
        "clean_up_tokenization_spaces": False, "chat_template": CHAT_TEMPLATE})
    _write_json(folder / "generation_config.json", {"eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]]})
    _write_safetensors(model, folder / "model.safetensors")


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")


def _write_safetensors(model: Tiny, path: Path) -> None:
    """The safetensors layout by hand: length of the header, header, bytes. (https://github.com/huggingface/safetensors)"""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    body, offset = [], 0
    for name, weight in model.state_dict().items():
        data = weight.float().contiguous().numpy().tobytes()
        header[_huggingface_name(name)] = {"dtype": "F32", "shape": list(weight.shape),
                                           "data_offsets": [offset, offset + len(data)]}
        body.append(data)
        offset += len(data)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"".join(body))


def _huggingface_name(name: str) -> str:
    if name.startswith("layers."):
        _, layer, part, kind = name.split(".")
        inner = "self_attn." if part[0] in "qkvo" and part.endswith("_proj") and part[1] == "_" else ""
        inner = "mlp." if part in ("gate_proj", "up_proj", "down_proj") else inner
        return f"model.layers.{layer}.{inner}{part}.{kind}"
    return f"model.{name}"
