"""Small tokenizers of the three kinds that the families use, trained on the spot."""

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "Caption: The Rovers celebrate in Arden. Does this caption belong to this image?",
    "Give your reasons, and say 'Verdict: pristine' if it belongs or 'Verdict: falsified' if it does not.",
    "The word was found in the picture. Verdict: pristine",
    "The place is not in the picture. Verdict: falsified",
    "Verdict: pristine. It fits. Verdict: falsified. It does not fit. USER: ASSISTANT: User: Assistant: user model",
]
WORDS = 120


def llama_like(special, **named):
    """SentencePiece as Llama 2 has it: a space before the first word, bytes for what is unknown, BOS by itself."""
    bpe = _with_bytes(["<unk>", "<s>", "</s>", *special], [line.replace(" ", "▁") for line in _lines("▁")])
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    bpe.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", bpe.token_to_id("<s>"))]
    )
    return _wrap(bpe, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<unk>", **named)


def gemma_like(special, **named):
    """SentencePiece as Gemma has it: no space before the first word, bytes for what is unknown, BOS by itself."""
    bpe = _with_bytes(["<pad>", "<eos>", "<bos>", "<unk>", *special], [line.replace(" ", "▁") for line in _lines("")])
    bpe.normalizer = normalizers.Replace(" ", "▁")
    bpe.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    bpe.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A $B:1", special_tokens=[("<bos>", bpe.token_to_id("<bos>"))]
    )
    return _wrap(bpe, bos_token="<bos>", eos_token="<eos>", unk_token="<unk>", pad_token="<pad>", **named)


def byte_level(special, bos, eos, **named):
    """Byte-level BPE as Llama 3 has it, without a padding token of its own."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + WORDS,
        special_tokens=[bos, eos, *special],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(CORPUS, trainer)
    return _wrap(bpe, bos_token=bos, eos_token=eos, **named)


def _lines(lead):
    return [lead + line for line in CORPUS]


def _with_bytes(special, lines):
    """A BPE whose vocabulary holds all bytes, so that any text can be encoded."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Split(Regex("▁"), "merged_with_next")
    learner.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=WORDS + 60, show_progress=False))
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    learnt = sorted(learner.get_vocab(), key=learner.get_vocab().get)
    vocabulary = {token: place for place, token in enumerate([*special, *bytes_, *learnt])}
    merges = _merges(learner)
    bpe = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    bpe.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    return bpe


def _merges(tokenizer):
    import json

    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


def _wrap(bpe, **named):
    return PreTrainedTokenizerFast(tokenizer_object=bpe, clean_up_tokenization_spaces=False, **named)
