"""Writes an ONNX file of the shape of BERT-base with a head of two classes, with random weights, and samples of random tokens.

    /opt/venv/torch/bin/python Benchmarks/make_bert_base.py OUT.onnx [--data OUT.npz] [--samples 1000] [--tokens 128] [--layers 12]

transformers builds the network and PyTorch exports it: 109,483,778 parameters, 438 MB. The tokens' count is fixed, their batch is not.
Samples are filled to a random length; the mask tells where they end.
"""

import argparse
import logging
from pathlib import Path

import numpy
import torch
from transformers import BertConfig, BertForSequenceClassification

PARAMETERS = 109_483_778


class Logits(torch.nn.Module):
    """Two inputs by position and one output, as a file has them."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, input_ids, attention_mask):
        return self.network(input_ids=input_ids, attention_mask=attention_mask).logits


def bert(options):
    torch.manual_seed(options.seed)
    config = BertConfig(
        num_hidden_layers=options.layers, hidden_size=options.hidden, num_attention_heads=options.hidden // 64,
        intermediate_size=4 * options.hidden, num_labels=2,
    )
    network = BertForSequenceClassification(config).eval()
    # The initialisation of pre-training leaves every activation near zero, where GELU is nearly a line.
    with torch.no_grad():
        for layer in network.bert.encoder.layer:
            layer.intermediate.dense.weight *= 2
            torch.nn.init.normal_(layer.intermediate.dense.bias, std=0.5)
        network.classifier.weight *= 10
    return network


def samples(options, vocabulary):
    random = numpy.random.default_rng(options.seed)
    ids = random.integers(1000, vocabulary, (options.samples, options.tokens))
    lengths = random.integers(options.tokens // 2, options.tokens + 1, (options.samples, 1))
    mask = (numpy.arange(options.tokens) < lengths).astype(numpy.int64)
    return {"input_ids": ids * mask, "attention_mask": mask}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    network = bert(options)
    count = sum(parameter.numel() for parameter in network.parameters())
    if (options.layers, options.hidden) == (12, 768):
        assert count == PARAMETERS, count
    data = samples(options, network.config.vocab_size)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    inputs = tuple(torch.from_numpy(values[:2]) for values in data.values())
    torch.onnx.export(
        Logits(network), inputs, options.out, input_names=list(data), output_names=["logits"], dynamo=False,
        opset_version=17, dynamic_axes={name: {0: "batch"} for name in [*data, "logits"]},
    )
    if options.data:
        numpy.savez(options.data, **data)
    print(f"{options.out}: {count:,} parameters, {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
