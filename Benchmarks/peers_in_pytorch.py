"""The peers of the program that run in PyTorch: a network pruned by Torch-Pruning and trained with labels, and a student of
the program's shape, trained from random weights by the original's answers.
"""

import copy
import math
import warnings

import torch
import torch_pruning
from torch.nn import functional

from networks import Perceptron, trained
from onnx_in_torch import ONNXModule

torch.set_num_threads(1)
warnings.filterwarnings("ignore")  # of the exporter and of Torch-Pruning, on every call
BATCH, RATE, WARM = 64, 1e-3, 20
PRUNING_STEPS, STUDENT_STEPS = 300, 1500
IMPORTANCES = {"magnitude": lambda: torch_pruning.importance.GroupMagnitudeImportance(p=2),
               "Taylor": torch_pruning.importance.GroupTaylorImportance}


def tensor(array):
    value = torch.from_numpy(array)
    return value if value.is_floating_point() else value.long()


def label_loss(logits, labels):
    return functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))


def divergence(logits, target):
    rows = [functional.log_softmax(value.reshape(-1, value.shape[-1]), -1) for value in (logits, target)]
    return functional.kl_div(*rows, log_target=True, reduction="batchmean")


def train(model, loss, count, steps, seed, decay):
    """Steps of AdamW along half a cosine; `loss` takes the indices of a batch."""
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=decay)
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * min(1, (step + 1) / WARM) * (1 + math.cos(math.pi * step / steps)) / 2
        optimizer.zero_grad()
        loss(torch.randint(count, (BATCH,), generator=generator)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def export(model, sample, path, opset=17):
    torch.onnx.export(model.eval(), sample, str(path), opset_version=opset, dynamo=False, input_names=["input"],
                      output_names=["logits"], dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})


def untouched(model):
    """What Torch-Pruning is to leave: all but the hidden channels of perceptrons, which attention and residuals do not bind."""
    layers = [layer for layer in model.modules() if not list(layer.children()) and list(layer.parameters())]
    blocks = [module for module in model.modules() if isinstance(module, Perceptron)]
    if not blocks:  # A plain chain: all but its last layer.
        return layers[-1:]
    hidden = [block.layers[0] for block in blocks]
    return [layer for layer in layers if not any(layer is each for each in hidden)]


def cut(original, size, importance, everywhere, x, y):
    """The largest network within `size` parameters, by bisection of Torch-Pruning's ratio."""
    low, high, best = 0.0, 0.99, None
    for _ in range(9):
        model, ratio = copy.deepcopy(original), (low + high) / 2
        pruner = torch_pruning.pruner.BasePruner(
            model, x[:2], importance=IMPORTANCES[importance](), pruning_ratio=ratio, ignored_layers=untouched(model),
            global_pruning=everywhere)
        label_loss(model(x), y).backward()
        pruner.step()
        model.zero_grad()
        if sum(weight.numel() for weight in model.parameters()) > size:
            low = ratio
        else:
            high, best = ratio, model
    return best


def prune(name, path, x, y, size, seed, output):
    """The best of Torch-Pruning's four by the loss on 1,000 training samples, before training."""
    x, y = tensor(x), tensor(y)
    original, found = trained(name, path), []
    for importance in IMPORTANCES:
        for everywhere in (False, True):
            model = cut(original, size, importance, everywhere, x[:1000], y[:1000])
            if model is not None:
                with torch.no_grad():
                    found.append((float(label_loss(model(x[:1000]), y[:1000])), importance, everywhere, model))
    if not found:
        return None
    _, importance, everywhere, model = min(found, key=lambda entry: entry[0])
    torch.manual_seed(seed)
    model.train()
    train(model, lambda rows: label_loss(model(x[rows]), y[rows]), len(x), PRUNING_STEPS, seed, 0.01)
    export(model, x[:2], output)
    return f"{importance}, channels ranked {'all together' if everywhere else 'within their layer'}"


def student(shape, x, teacher, seed, output):
    """A student of the shape of the file `shape`; `teacher` gives the original's answers to a batch."""
    torch.manual_seed(seed)
    model = ONNXModule(shape)
    model.randomize()

    def loss(rows):
        batch = x[rows.numpy()]
        return divergence(model(tensor(batch)), torch.from_numpy(teacher(batch)))

    train(model, loss, len(x), STUDENT_STEPS, seed, 0.0)
    model.write(output)
