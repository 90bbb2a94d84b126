"""Exports well-known networks by both exporters of PyTorch and holds the program to ONNX Runtime and PyTorch on each.

    python Benchmarks/corpus.py [--program PROGRAM] [--only NAME ...] [--exporter script|dynamo] [--opset N]
        [--results FILE]

Needs torch, torchvision, timm, transformers, onnxscript and onnxruntime. The weights are random (nothing is downloaded) and
the language models are small: what counts is which operators the exporters write. For each file the table says
  run       the largest difference of `layercollapse run` from ONNX Runtime, beside the largest output
  layers    what `layercollapse inspect` would collapse, and the most that could be saved
  loss      the relative difference of the loss from PyTorch's, before the first of three steps of SGD and at most in all
  moved     how far these steps bring the loss down, in which the derivatives show
  compress  the same difference as in `run` for the file that `layercollapse compress` writes with one layer merged
The last column is why a row does not pass, or which parameters the file has in place of the network's: PyTorch then trains
the network with those.
"""

import argparse
import copy
import json
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import numpy
import onnxruntime
import torch

ROOT = Path(__file__).resolve().parents[1]
TOLERANCE = 1e-3
STEPS = 3
# Where the parameters are the same, losses differ by the last bits.
SAME = 1e-5
SEQUENCE = 16


def torchvision_model(name, size=224, **arguments):
    import torchvision
    return getattr(torchvision.models, name)(weights=None, **arguments), {"input": torch.randn(2, 3, size, size)}


def timm_model(name, size=224, **arguments):
    import timm
    return timm.create_model(name, pretrained=False, **arguments), {"input": torch.randn(2, 3, size, size)}


class Output(torch.nn.Module):
    """A model of transformers with tensors in and one tensor out."""

    def __init__(self, model, names, output):
        super().__init__()
        self.model, self.names, self.output = model, names, output

    def forward(self, *inputs):
        return getattr(self.model(**dict(zip(self.names, inputs)), return_dict=True), self.output)


SMALL = dict(
    vocab_size=500, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256,
    max_position_embeddings=64)


def language_model(kind, config, output="last_hidden_state", masked=True, **arguments):
    import transformers
    sizes = {**SMALL, **arguments}
    sizes = {key: value for key, value in sizes.items() if value is not None}
    settings = getattr(transformers, config)(**sizes)
    settings.use_cache = False
    inputs = {"input_ids": torch.randint(3, 400, (2, SEQUENCE))}
    if masked:
        mask = torch.ones(2, SEQUENCE, dtype=torch.int64)
        mask[1, SEQUENCE - 5:] = 0
        inputs["attention_mask"] = mask
    return Output(getattr(transformers, kind)(settings), list(inputs), output), inputs


def clip_image():
    import transformers
    settings = transformers.CLIPVisionConfig(
        hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, image_size=64, patch_size=16)
    return (Output(transformers.CLIPVisionModel(settings), ["pixel_values"], "last_hidden_state"),
            {"pixel_values": torch.randn(2, 3, 64, 64)})


DECODER = dict(pad_token_id=0, bos_token_id=1, eos_token_id=2)
MODELS = {
    "MLP-Mixer-S": lambda: timm_model("mixer_s32_224"),
    "ResMLP-12": lambda: timm_model("resmlp_12_224"),
    "ViT-Ti": lambda: timm_model("vit_tiny_patch16_224"),
    "DeiT-Ti": lambda: timm_model("deit_tiny_patch16_224"),
    "BERT": lambda: language_model("BertModel", "BertConfig"),
    "RoBERTa": lambda: language_model("RobertaModel", "RobertaConfig"),
    "DistilBERT": lambda: language_model(
        "DistilBertModel", "DistilBertConfig", dim=64, hidden_dim=256, n_layers=2, n_heads=4, hidden_size=None,
        num_hidden_layers=None, num_attention_heads=None, intermediate_size=None),
    "ALBERT": lambda: language_model("AlbertModel", "AlbertConfig", embedding_size=32),
    "ELECTRA": lambda: language_model("ElectraModel", "ElectraConfig", embedding_size=32),
    "DeBERTa": lambda: language_model("DebertaV2Model", "DebertaV2Config", relative_attention=True,
                                      pos_att_type=["p2c", "c2p"], position_buckets=16),
    "MPNet": lambda: language_model("MPNetModel", "MPNetConfig"),
    "GPT-2": lambda: language_model(
        "GPT2LMHeadModel", "GPT2Config", "logits", n_embd=64, n_layer=2, n_head=4, n_positions=64, hidden_size=None,
        num_hidden_layers=None, num_attention_heads=None, intermediate_size=None, max_position_embeddings=None),
    "OPT": lambda: language_model("OPTForCausalLM", "OPTConfig", "logits", ffn_dim=256, intermediate_size=None,
                                  word_embed_proj_dim=64, **DECODER),
    "T5 encoder": lambda: language_model(
        "T5EncoderModel", "T5Config", d_model=64, d_kv=16, d_ff=256, num_layers=2, num_heads=4, hidden_size=None,
        num_hidden_layers=None, num_attention_heads=None, intermediate_size=None, max_position_embeddings=None),
    "LLaMA": lambda: language_model("LlamaForCausalLM", "LlamaConfig", "logits", num_key_value_heads=2, **DECODER),
    "ModernBERT": lambda: language_model("ModernBertModel", "ModernBertConfig", **DECODER),
    "CLIP text": lambda: language_model("CLIPTextModel", "CLIPTextConfig", **DECODER),
    "CLIP image": clip_image,
    "ResNet18": lambda: torchvision_model("resnet18", 96),
    "MobileNetV3-L": lambda: torchvision_model("mobilenet_v3_large", 96),
    "EfficientNet-B0": lambda: torchvision_model("efficientnet_b0", 96),
    "DenseNet121": lambda: torchvision_model("densenet121", 96),
    "RegNetY": lambda: torchvision_model("regnet_y_400mf", 96),
    "ConvNeXt-T": lambda: torchvision_model("convnext_tiny", 96),
    "ConvNeXt-A": lambda: timm_model("convnext_atto", 64),
    "PoolFormer-S12": lambda: timm_model("poolformer_s12", 64),
    "EfficientFormer-L1": lambda: timm_model("efficientformer_l1"),
    "MobileNetV3-S": lambda: timm_model("mobilenetv3_small_100", 64),
    "LeViT-128S": lambda: timm_model("levit_128s"),
    "gMLP-S": lambda: timm_model("gmlp_s16_224"),
    "ConvNeXtV2": lambda: timm_model("convnextv2_atto", 96),
    "Swin-T": lambda: torchvision_model("swin_t"),
    "BEiT": lambda: timm_model("beit_base_patch16_224"),
    "AlexNet": lambda: torchvision_model("alexnet"),
    "VGG11": lambda: torchvision_model("vgg11"),
    "VGG16": lambda: torchvision_model("vgg16"),
}


# What dynamo writes otherwise than the network has it, beside what `spellings` knows: the steps differ a little.
WRITTEN_OTHERWISE = {
    ("ViT-Ti", "dynamo"): "a class token for each sample", ("DeiT-Ti", "dynamo"): "a class token for each sample",
    ("CLIP image", "dynamo"): "a class token for each sample",
    ("ALBERT", "dynamo"): "turned copies of shared weights for each layer",
}


def settle(model, inputs):
    """Weights and statistics as of a network that has been trained a little: else nothing of the input is left at the end."""
    norms = [module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for parameter in model.parameters():
            # What starts as nearly nothing, last layers and scales of branches, hides what is computed before it.
            if parameter.numel() > 1 and parameter.abs().max() < 1e-3:
                parameter.normal_(std=0.1)
            # Exporters write equal tensors once, and would tie the scales of all norms.
            elif parameter.numel() > 1 and parameter.min() == parameter.max():
                parameter += 0.1 * torch.randn_like(parameter)
        for norm in norms:
            norm.train()
            norm.momentum = 1.0
        if norms:
            model(*inputs.values())
    return model.eval()


def export(model, inputs, exporter, opset, path):
    names = list(inputs)
    with torch.no_grad():
        if exporter == "script":
            axes = {name: {0: "batch"} for name in [*names, "output"]}
            torch.onnx.export(
                model, tuple(inputs.values()), str(path), input_names=names, output_names=["output"],
                dynamic_axes=axes, opset_version=opset or 17, dynamo=False)
        else:
            torch.onnx.export(
                model, tuple(inputs.values()), str(path), input_names=names, output_names=["output"],
                opset_version=opset or 20, dynamo=True, external_data=False, verbose=False)


def runtime(path, inputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    known = {value.name for value in session.get_inputs()}
    return session.run(None, {name: value for name, value in inputs.items() if name in known})[0]


def call(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip().split("\n")[-1][:300])
    return done.stdout


def difference(program, path, inputs, folder):
    """The largest difference from ONNX Runtime, beside the largest output."""
    numpy.savez(folder / "data.npz", **inputs)
    call(program, "run", path, "--data", folder / "data.npz", "-o", folder / "out.npz", "--force", "--quiet")
    (ours,) = numpy.load(folder / "out.npz").values()
    theirs = runtime(path, inputs)
    return float(numpy.abs(ours - theirs).max() / max(numpy.abs(theirs).max(), 1e-30))


def apart(model):
    """The network with each BatchNorm of timm's as a plain one and the activation behind it."""
    for name, module in model.named_children():
        if type(module).__name__ == "BatchNormAct2d":
            norm = torch.nn.BatchNorm2d(module.num_features, eps=module.eps)
            norm.load_state_dict(module.state_dict())
            setattr(model, name, torch.nn.Sequential(norm, module.drop, module.act))
        else:
            apart(module)
    return model


def with_folded_statistics(model):
    """The network with each BatchNorm behind a convolution as a part of it, as exporters write it."""
    from torch.fx.experimental.optimization import fuse
    folded = fuse(apart(copy.deepcopy(model)).eval())
    for parameter in folded.parameters():
        parameter.requires_grad_(True)
    return folded


def untied(model):
    """The network with a weight of its own for each layer that shares one, as exporters write a turned copy."""
    model, seen = copy.deepcopy(model), set()
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) in seen:
                module._parameters[name] = torch.nn.Parameter(parameter.detach().clone())
            seen.add(id(parameter))
    return model


def spellings(model):
    """The network with the parameters that a file may have in place of its own: other ones learn otherwise."""
    yield "", copy.deepcopy(model)
    if any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        yield "BatchNorm folded", with_folded_statistics(model)
    names = dict(model.named_parameters(remove_duplicate=False))
    if len(names) > len(dict(model.named_parameters())):
        yield "untied", untied(model)


def forget_biases(model):
    """timm keeps these from call to call when it does not train, as if they stayed the same."""
    for module in model.modules():
        if hasattr(module, "attention_bias_cache"):
            module.attention_bias_cache = {}


def losses_in_pytorch(model, inputs, labels):
    """The rate that takes a twentieth of the loss away as far as the first derivative knows, and the loss before each step."""
    def loss():
        forget_biases(model)
        output = model(*inputs.values())
        if labels.dtype == torch.int64:
            return torch.nn.functional.cross_entropy(output.reshape(-1, output.shape[-1]), labels.reshape(-1))
        return torch.nn.functional.mse_loss(output, labels)

    losses, rate = [], None
    for _ in range(STEPS):
        model.zero_grad()
        value = loss()
        value.backward()
        losses.append(value.item())
        with torch.no_grad():
            moving = [parameter for parameter in model.parameters() if parameter.grad is not None]
            rate = rate or 0.05 * losses[0] / sum(parameter.grad.square().sum().item() for parameter in moving)
            for parameter in moving:
                parameter -= rate * parameter.grad
    return rate, numpy.array(losses)


def labels_for(model, inputs):
    """Classes where the network tells some, else numbers as large as its own."""
    with torch.no_grad():
        output = model(*inputs.values())
    if output.ndim == 2 or getattr(model, "output", "") == "logits":
        return torch.randint(0, output.shape[-1], output.shape[:-1])
    return torch.randn(output.shape) * output.std()


def training(program, model, inputs, path, folder):
    """What three steps come to in both, for the spelling of the network that is nearest to the file."""
    labels, best = labels_for(model, inputs), {}
    arrays = {key: value.numpy() for key, value in inputs.items()}
    numpy.savez(folder / "train.npz", **arrays, y=labels.numpy())
    for spelling, network in spellings(model):
        rate, theirs = losses_in_pytorch(network.eval(), inputs, labels)
        call(program, "train", path, "--data", folder / "train.npz", "-o", folder / "trained.onnx", "--force", "--quiet", "--trace",
             folder / "trace.json", "--optimizer", "sgd", "--momentum", 0, "--weight-decay", 0, "--learning-rate", repr(rate),
             "--steps", STEPS, "--batch-size", len(labels), "--no-shuffle", "--labels", "y",
             "--loss", "cross_entropy" if labels.dtype == torch.int64 else "mse")
        ours = numpy.array(json.loads((folder / "trace.json").read_text())["losses"])
        errors = numpy.abs(ours / theirs - 1)
        found = {"loss": errors[0], "losses": errors.max(), "moved": 1 - theirs[-1] / theirs[0], "spelling": spelling}
        best = min([best, found], key=lambda each: each.get("losses", numpy.inf))
        if best["losses"] <= SAME:
            break
    return {key: value if isinstance(value, str) else float(value) for key, value in best.items()}


def examine(program, name, exporter, opset, folder):
    torch.manual_seed(7)
    row = {"model": name, "exporter": exporter, "spelling": WRITTEN_OTHERWISE.get((name, exporter), "")}
    path = folder / "model.onnx"
    try:
        model, inputs = MODELS[name]()
        export(settle(model.eval(), inputs), inputs, exporter, opset, path)
    except Exception as error:  # Which networks an exporter cannot write is part of the table.
        return row | {"error": f"not exported: {type(error).__name__}: {str(error).strip().splitlines()[0][:120]}"}
    arrays = {key: value.numpy() for key, value in inputs.items()}
    try:
        numpy.savez(folder / "data.npz", **arrays)
        plan = json.loads(call(program, "inspect", "--json", path, "--data", folder / "data.npz"))
        row["nodes"], row["parameters"] = plan["model"]["nodes"], plan["model"]["parameters"]
        row["layers"] = sum(1 for candidate in plan["candidates"] if candidate["profitable"])
        row["saving"] = plan["max_reduction"]["parameters"] / max(1, plan["model"]["parameters"])
        row["reasons"] = sorted({refusal["reason"] for refusal in plan["not_collapsible"]})
        if plan["unsupported"]:
            return row | {"error": "not run: " + ", ".join(plan["unsupported"])[:200]}
        start = time.monotonic()
        row["run"] = difference(program, path, arrays, folder)
        row["seconds"] = time.monotonic() - start
        found = training(program, model, inputs, path, folder)
        row |= found | {"spelling": found["spelling"] or row["spelling"]}
        if row["layers"]:
            call(program, "compress", path, "--method", "merge", "--threshold", "2", "--max-layers", "1", "--force", "-o",
                 folder / "small.onnx", "--quiet")
            row["compress"] = difference(program, folder / "small.onnx", arrays, folder)
            row["left"] = (folder / "small.onnx").stat().st_size / path.stat().st_size
    except RuntimeError as error:
        row["error"] = str(error)
    return row


def line(row):
    def number(key, form):
        return form.format(row[key]) if key in row else ""
    fine = all(row.get(key, 0) <= TOLERANCE for key in ["run", "compress", "loss", "losses"]) and "error" not in row
    return (f"| {row['model']} | {row['exporter']} | {row.get('nodes', '')} | {number('run', '{:.0e}')} | "
            f"{row.get('layers', '')} | {number('saving', '{:.0%}')} | {number('loss', '{:.0e}')} | "
            f"{number('losses', '{:.0e}')} | {number('moved', '{:.0%}')} | {number('compress', '{:.0e}')} | "
            f"{row.get('spelling', '') if fine else row.get('error', 'differs')} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=str(ROOT / ".build" / "release" / "layercollapse"))
    parser.add_argument("--only", nargs="*", default=list(MODELS))
    parser.add_argument("--exporter", choices=["script", "dynamo"])
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch; ours are OMP_NUM_THREADS")
    parser.add_argument("--opset", type=int, help="17 for the script exporter and 20 for dynamo otherwise")
    parser.add_argument("--results", type=Path, help="where each row is appended as a JSON line")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| model | exporter | nodes | run | layers | saving | loss | losses | moved | compress | |\n" + "|---" * 11 + "|",
          flush=True)
    for name in options.only:
        for exporter in [options.exporter] if options.exporter else ["script", "dynamo"]:
            with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
                row = examine(options.program, name, exporter, options.opset, Path(folder))
            print(line(row), flush=True)
            if options.results:
                with options.results.open("a") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
