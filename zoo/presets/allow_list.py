"""The list of what a preset's configuration may hold; everything else is refused before Keras reads it.

Keras imports and calls what a configuration names. Its safe mode is a list of refused classes and has been bypassed
repeatedly. This module lists the allowed classes instead: those below, which only compute, and those that are
registered in this process, which belong to the zoo or the user.
"""

from zoo.errors import PresetError, printable

# A network of 1,000 layers takes Keras half a minute to build; the largest published ones have about 800.
_MOST_LAYERS, _MOST_PARTS = 1_000, 100_000
# Keras joins the names of layers again and again, so that long ones take minutes.
_LONGEST_NAME = 1_000
# Arguments by which an operation makes a list of tensors.
_NUMBERS_OF_TENSORS, _MOST_TENSORS = ("indices_or_sections", "num"), 1_000


def _named(names):
    return frozenset(names.split())


_MODELS = _named("Functional Model Sequential")
_DTYPE_POLICIES = _named("DTypePolicy FloatDTypePolicy")
# The list omits layers that wrap foreign code (Lambda, TFSMLayer, JaxLayer, FlaxLayer, TorchModuleWrapper) and layers
# that read a vocabulary from a file (StringLookup, IntegerLookup, TextVectorization).
_LAYERS = _named(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention AugMix
    AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional
    CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose
    ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D Cropping3D CutMix Dense DepthwiseConv1D DepthwiseConv2D
    Discretization Dot Dropout ELU EinsumDense Embedding Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell LayerNormalization
    LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MixUp MultiHeadAttention Multiply
    PReLU Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration
    RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur
    RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation
    RandomSharpness RandomShear RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing
    ReversibleEmbedding SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D
    SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells Subtract TimeDistributed UnitNormalization
    UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """
)
_CLASSES = {
    "keras": _MODELS | _DTYPE_POLICIES,
    "keras.models": _MODELS,
    "keras.src.models.functional": _MODELS,
    "keras.src.models.sequential": _MODELS,
    "keras.layers": _LAYERS,
    "keras.dtype_policies": _DTYPE_POLICIES,
    "keras.random": _named("SeedGenerator"),
    "keras.initializers": _named(
        """
        Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal LecunUniform
        Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
        """
    ),
    "keras.regularizers": _named("L1 L1L2 L2 OrthogonalRegularizer"),
    "keras.constraints": _named("MaxNorm MinMaxNorm NonNeg UnitNorm"),
    "keras.optimizers": _named(
        """
        Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer Nadam RMSprop SGD
        ScheduleFreeAdamW
        """
    ),
    "keras.optimizers.schedules": _named(
        "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay"
    ),
    "keras.losses": _named(
        """
        BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy
        CategoricalHinge CosineSimilarity Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError
        MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
        SparseCategoricalCrossentropy SquaredHinge
        """
    ),
    "keras.metrics": _named(
        """
        Accuracy BinaryAccuracy BinaryCrossentropy CategoricalAccuracy CategoricalCrossentropy F1Score Mean
        MeanAbsoluteError MeanSquaredError Precision Recall RootMeanSquaredError SparseCategoricalAccuracy
        SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy TopKCategoricalAccuracy
        """
    ),
}
# Operations on tensors that may be nodes of a functional network. None takes a function, and none makes a tensor from
# numbers alone, because Keras would compute that while it reads the configuration.
_OPERATIONS = {
    "keras.src.ops.numpy": _named(
        """
        Absolute Add All Amax Amin Any Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax Argmin Argsort
        Average BroadcastTo Ceil Clip Concatenate Conjugate Copy Cos Cosh Cross Cumprod Cumsum Diagonal Diff Divide
        DivideNoNan Dot Einsum Equal Exp Exp2 ExpandDims Expm1 Flip Floor FloorDivide GetItem Greater GreaterEqual
        Heaviside Hypot Inner Isfinite Isinf Isnan Kron Less LessEqual Log Log10 Log1p Log2 Logaddexp LogicalAnd
        LogicalNot LogicalOr LogicalXor Matmul Max Maximum Mean Median Min Minimum Mod Moveaxis Multiply NanToNum
        Negative NotEqual OnesLike Outer Pad Power Prod Quantile Ravel Reciprocal Repeat Reshape Roll Rot90 Round Sign
        Sin Sinc Sinh Sort Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh
        Tensordot Tile Trace Transpose Tril Triu TrueDivide Trunc Var Vdot Vstack Hstack Where ZerosLike
        """
    ),
    "keras.src.ops.core": _named("Cast SaturateCast Slice StopGradient Unstack"),
    "keras.src.ops.math": _named("Erf Erfc Erfinv Logsumexp Rsqrt TopK"),
    "keras.src.ops.nn": _named(
        """
        AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm Celu Conv ConvTranspose DepthToSpace DepthwiseConv
        DotProductAttention Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid
        LogSoftmax MaxPool Moments Normalize OneHot RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink
        Softmax Softplus Softsign SpaceToDepth SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink Threshold
        """
    ),
    "keras.src.ops.image": _named("CropImages HSVToRGB PadImages RGBToGrayscale RGBToHSV Resize"),
    "keras.src.ops.linalg": _named("Cholesky Det Inv Norm Solve"),
}
_ACTIVATIONS = _named(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear log_sigmoid log_softmax
    mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax
    squareplus tanh tanh_shrink threshold
    """
)
# Class names that Keras writes for tensors, arrays and slices among the arguments of a node.
_TENSOR, _ARRAYS, _INDICES = "__keras_tensor__", ("__tensor__", "__numpy__"), ("__slice__", "__ellipsis__")
_ARRAY_DTYPES = _named("bfloat16 bool float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64")


def check(config, subject, is_registered):
    """Raises `PresetError` if a configuration names anything that is neither on the list nor registered.

    Args:
        config: dict, the whole configuration as Keras serializes a model.
        subject: str, the beginning of the error message, such as `"The preset in my_gan"`.
        is_registered: function that takes a name and returns whether a class or function is registered under it in this
            process.

    Raises:
        PresetError: `config` is not a dict, names a class, function or operation that is not allowed, calls a layer on
            something other than tensors, or describes more than 1,000 layers.
    """
    if not isinstance(config, dict):
        raise PresetError(f"{subject} is damaged: its configuration is no JSON object.")
    layers = 0
    for number, part in enumerate(parts_of(config)):
        if isinstance(part.get("name"), str) and len(part["name"]) > _LONGEST_NAME:
            raise PresetError(f"{subject} holds a name of more than {_LONGEST_NAME:,} characters, which no preset has.")
        layers += _number_of_layers(part)
        if layers > _MOST_LAYERS or number > _MOST_PARTS:
            raise PresetError(f"{subject} describes more than {_MOST_LAYERS:,} layers, which no preset has.")
        if "class_name" in part and not _is_allowed(part, is_registered):
            raise PresetError(
                f"{subject} holds {_told(part)}, which presets may not: it is none of the classes that run no code and "
                "read no files."
            )
        if "inbound_nodes" in part and not _are_calls_on_tensors(part["inbound_nodes"]):
            raise PresetError(
                f"{subject} holds {_told(part)} called on something else than tensors, which presets may not."
            )


def has_users_classes(config, is_registered):
    """Whether a configuration names classes or functions that the user, not the zoo, registered."""
    return any(
        "class_name" in part and not registered_name(part).startswith("zoo>") and is_registered(registered_name(part))
        for part in parts_of(config)
    )


def registered_name(part):
    """Returns the registered name of a part, which Keras looks up before anything else; "" if it has none."""
    name = part.get("config") if part["class_name"] == "function" else part.get("registered_name", part["class_name"])
    return name if isinstance(name, str) else ""


def parts_of(config):
    """Yields every dict in a configuration, including the configuration itself."""
    parts = [config]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            yield part
            parts.extend(part.values())
        elif isinstance(part, (list, tuple)):
            parts.extend(part)


def _number_of_layers(part):
    """How many layers, or calls of one layer, a part adds to a network."""
    nodes = part.get("inbound_nodes")
    calls = len(nodes) if isinstance(nodes, list) else 0
    return max(calls, part.get("module") == "keras.layers")


def _is_allowed(part, is_registered):
    module, name, config = part.get("module"), part["class_name"], part.get("config")
    if not isinstance(name, str):
        return False
    if name in (_TENSOR, *_INDICES):
        return True
    if name in _ARRAYS:
        return isinstance(config, dict) and isinstance(config.get("dtype"), str) and config["dtype"] in _ARRAY_DTYPES
    # Keras writes null for a class of the running script, and finds it by its registered name. Without that name or
    # without the entry, Keras looks a class up in a list of its own.
    is_null = module is None and "module" in part and isinstance(part.get("registered_name"), str)
    if not isinstance(module, str) and not (is_null and name != "function"):
        return False
    registered = registered_name(part)
    if is_registered(registered):
        return name == "function" or name == registered.rpartition(">")[2]
    if part.get("registered_name") not in (None, name):
        return False
    if name == "function":
        return module in ("keras.activations", "builtins") and isinstance(config, str) and config in _ACTIVATIONS
    if name in _CLASSES.get(module, ()):
        return True
    # An operation is a node of a network. Elsewhere, Keras would call it on the values beside it.
    return name in _OPERATIONS.get(module, ()) and "inbound_nodes" in part and _makes_few_tensors(config)


def _makes_few_tensors(config):
    """Whether an operation returns no endless list of tensors."""
    counts = [config.get(name) for name in _NUMBERS_OF_TENSORS] if isinstance(config, dict) else []
    return not any(isinstance(count, (int, float)) and count > _MOST_TENSORS for count in counts)


def _are_calls_on_tensors(nodes):
    """Whether a layer is called only on tensors of the network, so that Keras infers shapes and computes nothing."""
    if not isinstance(nodes, list):
        return False
    for node in nodes:
        if not isinstance(node, dict) or node.keys() != {"args", "kwargs"}:
            return False
        kinds = [part["class_name"] for part in parts_of(node) if "class_name" in part]
        if _TENSOR not in kinds or not all(kind in (_TENSOR, *_ARRAYS, *_INDICES) for kind in kinds):
            return False
    return True


def _told(part):
    name, module = part.get("class_name"), part.get("module")
    name = part.get("config") if name == "function" else name
    return printable(f"{module}.{name}" if isinstance(module, str) else str(name), 200)
