"""The networks of the benchmarks as PyTorch modules: those of the fixtures, and three that everybody knows."""

import re

import torch
from torch import nn
from torch.nn import functional


class DigitsVGG(nn.Module):
    """The exported network: the BatchNorm of the convolutions was folded into them, that of the head was not."""

    def __init__(self):
        super().__init__()

        def stage(inputs, outputs):
            return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]

        self.features = nn.Sequential(*stage(1, 16), *stage(16, 32), *stage(32, 32))
        self.classifier = nn.Sequential(
            nn.Linear(128, 384), nn.ReLU(), nn.BatchNorm1d(384), nn.Dropout(0.3),
            nn.Linear(384, 384), nn.ReLU(), nn.Dropout(0.3), nn.Linear(384, 10),
        )

    def forward(self, images):
        return self.classifier(torch.flatten(self.features(images), 1))


class Perceptron(nn.Module):
    def __init__(self, width, hidden, activation):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, hidden), activation, nn.Linear(hidden, width))

    def forward(self, x):
        return self.layers(x)


class Attention(nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class TransformerBlock(nn.Module):
    def __init__(self, width, heads, causal, activation):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal)
        self.perceptron = Perceptron(width, 4 * width, activation)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.perceptron(self.norm2(x))


class MixerBlock(nn.Module):
    def __init__(self, tokens, width):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.over_tokens = Perceptron(tokens, 4 * tokens, nn.GELU())
        self.over_channels = Perceptron(width, 4 * width, nn.GELU())

    def forward(self, x):
        x = x + self.over_tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.over_channels(self.norm2(x))


class Patches(nn.Module):
    """`[N, 1, 16, 16]` to `[N, 16, width]`."""

    def __init__(self, width):
        super().__init__()
        self.patch = nn.Conv2d(1, width, 4, 4)

    def forward(self, images):
        return self.patch(images).flatten(2).transpose(1, 2)


class Positions(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.positions = nn.Parameter(torch.randn(1, length, width) * 0.02)

    def forward(self, x):
        return x + self.positions


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(1)


def transformer(first, length, outputs, width=64, heads=4, depth=4, causal=False):
    activation = nn.GELU(approximate="tanh") if causal else nn.GELU()
    blocks = [TransformerBlock(width, heads, causal, activation) for _ in range(depth)]
    pool = [] if causal else [Mean()]
    return nn.Sequential(
        first, Positions(length, width), *blocks, nn.LayerNorm(width), *pool, nn.Linear(width, outputs)
    )


class Logits(nn.Module):
    """A model of transformers with tensors in and one tensor out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def network(name):
    """The weights are random: how long a step takes does not depend on them."""
    torch.manual_seed(0)
    model = untrained(name)
    with torch.no_grad():
        for parameter in model.parameters():
            # The exporter writes tensors of equal numbers once, and all these would be trained as one.
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.01)
    return model


def untrained(name):
    match name:
        case "digits-vgg":
            return DigitsVGG()
        case "digits-vit":
            return transformer(Patches(64), 16, 10)
        case "digits-mixer":
            blocks = [MixerBlock(16, 64) for _ in range(4)]
            return nn.Sequential(Patches(64), *blocks, nn.LayerNorm(64), Mean(), nn.Linear(64, 10))
        case "code-encoder":
            return transformer(nn.Embedding(128, 64), 64, 5)
        case "code-gpt":
            return transformer(nn.Embedding(128, 64), 64, 128, causal=True)
        case "vgg16":
            import torchvision
            return torchvision.models.vgg16(weights=None)
        case "vit-ti":
            import timm
            return timm.create_model("vit_tiny_patch16_224", pretrained=False)
        case "minilm-shape":
            import transformers
            return Logits(transformers.BertForSequenceClassification(transformers.BertConfig(
                hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)))
        case "bert-base":
            import transformers
            return Logits(transformers.BertForSequenceClassification(transformers.BertConfig()))
    raise SystemExit(f"there is no network {name}")


def trained(name, path):
    """The network with the weights of its file, which `torch.onnx.export` wrote at opset 17."""
    import onnx
    from onnx import numpy_helper

    model, graph = untrained(name).eval(), onnx.load(path).graph
    found = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
    made = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        # Weights of products have lost their names, but not those of their biases.
        for bias, product in [node.input, node.input[::-1]] if node.op_type == "Add" else []:
            if bias in found and product in made and made[product].op_type == "MatMul":
                found[bias.removesuffix("bias") + "weight"] = found.pop(made[product].input[1]).T
    if isinstance(model, nn.Sequential):
        found = {renamed(key, model): value for key, value in found.items()}
    missing, _ = model.load_state_dict(found, strict=False)
    if any(not key.endswith("num_batches_tracked") for key in missing):
        raise SystemExit(f"{path}: no weights for {', '.join(missing)}")
    return model


def renamed(key, model):
    """The name in a network of this file of what the exported modules called `key`."""
    first, last = next(i for i, layer in enumerate(model) if hasattr(layer, "norm1")), len(model) - 1
    norm = next(i for i, layer in enumerate(model) if isinstance(layer, nn.LayerNorm))
    for old, new in [(r"^pos$", "1.positions"), (r"^patch", "0.patch"), (r"^emb", "0"), (r"^norm", str(norm)),
                     (r"^head", str(last)), (r"\.n(\d)\.", r".norm\1."), (r"\.at\.o\.", ".attention.out."),
                     (r"\.at\.", ".attention."), (r"\.fc1\.", ".layers.0."), (r"\.fc2\.", ".layers.2."),
                     (r"\.mlp\.", ".perceptron."), (r"\.tok\.", ".over_tokens."), (r"\.ch\.", ".over_channels.")]:
        key = re.sub(old, new, key)
    return re.sub(r"^blocks\.(\d+)", lambda match: str(int(match[1]) + first), key)
