"""Writes the network with several inputs and outputs that the tests train, and what PyTorch makes of it.

    python Tests/EndToEnd/make_bert.py [OUT]

`bert.onnx` leaves the batch and the length of its sequences open; `bert-batch4.onnx` fixes both, as exporters do unless they
are told otherwise. `bert.npz` holds sentences of several lengths, padded; `bert.reference.npz` both outputs of PyTorch for
the test split, and its losses over ten steps of SGD and of AdamW on batches of 16 in the order of the file.
"""

import sys
from pathlib import Path

import numpy
import torch
from transformers import BertConfig, BertModel

PLACES, TOKENS, CLASSES, TRAINED, TESTED = 12, 60, 5, 160, 40
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
OUTPUTS = ["logits", "last_hidden_state"]


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        config = BertConfig(
            vocab_size=TOKENS, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
            max_position_embeddings=PLACES, initializer_range=0.3, attn_implementation="eager",
            hidden_dropout_prob=0, attention_probs_dropout_prob=0)
        self.bert = BertModel(config)
        self.classifier = torch.nn.Linear(16, CLASSES)
        # The exporter lets equal tensors be one initializer, which would then be trained as one.
        for parameter in self.parameters():
            if parameter.dim() == 1:
                torch.nn.init.normal_(parameter, parameter.mean().item(), 0.1)

    def forward(self, input_ids, attention_mask, token_type_ids):
        result = self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        return self.classifier(result.pooler_output), result.last_hidden_state


def sentences(count, random):
    ids = random.integers(3, TOKENS, (count, PLACES))
    lengths = random.integers(4, PLACES + 1, count)
    mask = (numpy.arange(PLACES) < lengths[:, None]).astype(numpy.int64)
    # Whatever stands in the padding is read by nobody.
    kinds = (numpy.arange(PLACES) >= lengths[:, None] // 2).astype(numpy.int64) * mask
    labels = (ids[:, 0] + ids[:, 1]) % CLASSES
    return dict(zip(INPUTS, [ids * mask, mask, kinds])), labels


def export(model, samples, path, dynamic):
    axes = {name: {0: "batch", 1: "sequence"} for name in INPUTS}
    axes |= {"logits": {0: "batch"}, "last_hidden_state": {0: "batch", 1: "sequence"}}
    torch.onnx.export(
        model, tuple(torch.tensor(samples[name][:4]) for name in INPUTS), str(path), input_names=INPUTS,
        output_names=OUTPUTS, dynamic_axes=axes if dynamic else None, opset_version=17, dynamo=False)


def losses(state, samples, labels, make):
    model = Classifier()
    model.load_state_dict(state)
    optimizer = make(model.parameters())
    result = []
    for step in range(10):
        rows = slice(16 * step, 16 * step + 16)
        logits, _ = model(*(torch.tensor(samples[name][rows]) for name in INPUTS))
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        result.append(loss.item())
    return numpy.array(result)


def main():
    out = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "fixtures")
    torch.manual_seed(7)
    random = numpy.random.default_rng(7)
    model = Classifier().eval()
    train, train_labels = sentences(TRAINED, random)
    test, test_labels = sentences(TESTED, random)
    export(model, train, out / "bert.onnx", dynamic=True)
    export(model, train, out / "bert-batch4.onnx", dynamic=False)
    arrays = {f"{name}_train": values.astype(numpy.int32) for name, values in train.items()}
    arrays |= {f"{name}_test": values.astype(numpy.int32) for name, values in test.items()}
    numpy.savez_compressed(out / "bert.npz", **arrays, labels_train=train_labels, labels_test=test_labels)
    state = model.state_dict()
    with torch.no_grad():
        logits, hidden = model(*(torch.tensor(test[name]) for name in INPUTS))
    numpy.savez_compressed(
        out / "bert.reference.npz", logits=logits.numpy(), last_hidden_state=hidden.numpy(),
        sgd_losses=losses(state, train, train_labels, lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9)),
        adamw_losses=losses(state, train, train_labels, lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.01)))


if __name__ == "__main__":
    main()
