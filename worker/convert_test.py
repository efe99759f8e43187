"""Tests of convert.py: what comes out of a GGUF is the model that went in."""

import json
from pathlib import Path

import gguf
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from worker.convert import convert_gguf
from worker.failures import WorkerError
from worker.load import load_base


def say(_text: str) -> None:
    """Progress is for people."""


def write_gguf(path: Path, model_dir: Path, tokenizer: PreTrainedTokenizerFast, pad: int) -> None:
    """The tiny model as llama.cpp keeps it: its names, its order of q and k rows, tokenizer and template inside."""
    model = load_base(model_dir).model
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    state = tokenizer.backend_tokenizer.to_str()
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([gguf.TokenType.CONTROL if at < 3 else gguf.TokenType.NORMAL for at in range(len(vocabulary))])
    writer.add_token_merges([" ".join(pair) for pair in json.loads(state)["model"]["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(pad)
    writer.add_chat_template(str(tokenizer.chat_template))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads if "k_proj" in name else None
        if heads is not None:
            rows, columns = tensor.shape
            tensor = tensor.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
        found = names.get_name(name, try_suffixes=(".weight",))
        assert found is not None
        writer.add_tensor(found, tensor.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_converted_model_says_what_the_original_says(tmp_path: Path, model_dir: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    write_gguf(tmp_path / "tiny.gguf", model_dir, tokenizer, pad=2)
    convert_gguf(tmp_path / "tiny.gguf", tmp_path / "out", say)
    original, converted = load_base(model_dir), load_base(tmp_path / "out")
    text = str(original.tokenizer.apply_chat_template([{"role": "user", "content": "Who are you?"}], tokenize=False))
    assert converted.tokenizer.apply_chat_template([{"role": "user", "content": "Who are you?"}], tokenize=False) == text
    ids = original.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    assert torch.equal(converted.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"], ids)
    torch.testing.assert_close(converted.model(ids).logits, original.model(ids).logits)


def test_padding_is_not_the_end_of_a_turn(tmp_path: Path, model_dir: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    write_gguf(tmp_path / "tiny.gguf", model_dir, tokenizer, pad=2)
    convert_gguf(tmp_path / "tiny.gguf", tmp_path / "out", say)
    converted = load_base(tmp_path / "out")
    assert (converted.tokenizer.pad_token, converted.tokenizer.eos_token) == ("<|endoftext|>", "<|im_end|>")
    assert converted.model.config.pad_token_id == converted.tokenizer.pad_token_id


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot be read"), (b"PK\x03\x04", "not a GGUF file"), (b"GGUF\x03\0\0\0", "cannot be converted")]
)
def test_a_file_that_is_no_model_is_refused_and_leaves_nothing(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(WorkerError, match=reason):
        convert_gguf(tmp_path / "bad.gguf", tmp_path / "out", say)
    assert {path.name for path in tmp_path.iterdir()} <= {"bad.gguf"}


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(WorkerError, match="exists already"):
        convert_gguf(tmp_path / "any.gguf", tmp_path / "out", say)
