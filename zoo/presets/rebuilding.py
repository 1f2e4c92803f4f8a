"""Rebuilding a loaded model with changed arguments; every weight that still fits is kept."""

import collections
import warnings

from zoo.errors import InputError, ZooError, first_line


def rebuilt(model, config, overrides):
    """Builds a model of the changed configuration and keeps every weight whose path and shape are unchanged.

    Args:
        model: the loaded model.
        config: dict, its configuration as Keras serializes it.
        overrides: dict of the changed constructor arguments.

    Returns:
        The new model. A warning names its newly initialized weights.

    Raises:
        InputError: the model does not take these arguments, or they leave too few pretrained weights usable.
    """
    import keras

    from zoo.keras_private import constructor_message

    given = ", ".join(f"{name}={value!r}" for name, value in overrides.items())
    if not hasattr(model, "changed_arguments"):
        raise InputError(f"{config['class_name']} is a plain Keras network, which takes no {given}.")
    # The arguments come from the loaded model, because the file may be older than some of them.
    arguments = keras.saving.serialize_keras_object(model)["config"]
    arguments, forgotten = model.changed_arguments(arguments, overrides)
    try:
        changed = keras.saving.deserialize_keras_object({**config, "config": arguments}, safe_mode=True)
    except ZooError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        reason = first_line(constructor_message(error))
        raise InputError(f"{config['class_name']} takes no {given} ({reason})") from error
    pretrained = _weights_by_place(model)
    rows = changed.rows_of(model)
    kept, fresh = [], {}
    for place, variable in _weights_by_place(changed).items():
        source = pretrained.get(place)
        begins = next((numbers for layer, numbers in rows.items() if f"/{layer}/" in place), None)
        if source is not None and begins is not None:
            known, values = begins >= 0, keras.ops.convert_to_numpy(variable).copy()
            values[known] = keras.ops.convert_to_numpy(source)[begins[known]]
            variable.assign(values)
            kept.append(place)
            if not known.all():
                fresh[f"{place} ({(~known).sum()} of {len(known)} rows)"] = variable
        elif source is not None and source.shape == variable.shape:
            variable.assign(source)
            kept.append(place)
        else:
            fresh[place] = variable
    if len(kept) < len(fresh):
        raise InputError(
            f"{given} leaves only {len(kept)} of {len(kept) + len(fresh)} pretrained weights usable; build a "
            f"{config['class_name']} from scratch for that."
        )
    changed.forget_beside(fresh)
    if fresh:
        aliases = tuple(f"{alias}/" for _, alias in model.preset_aliases)
        names = ", ".join(place for place in fresh if not place.startswith(aliases))
        message = f"{given}: newly initialized {names}; all other weights are pretrained. {forgotten}"
        begun = {id(variable) for variable in fresh.values()}
        frozen = [
            path for path, layer in changed.frozen_layers().items() if not begun.isdisjoint(map(id, layer.weights))
        ]
        if frozen:
            message = f"{message.rstrip()} Frozen, as in the preset, stays {', '.join(frozen)}."
        warnings.warn(message.rstrip(), stacklevel=4)
    return changed


def _weights_by_place(model):
    """Maps attribute and path to weights; paths alone are ambiguous if two networks have layers of the same name."""
    import keras

    from zoo.keras_private import attributes_of

    networks = {f"{name}/": value for name, value in attributes_of(model).items() if isinstance(value, keras.Layer)}
    held = {id(variable) for network in networks.values() for variable in network.weights}
    weights = [(f"{name}{v.path}", v) for name, network in networks.items() for v in network.weights]
    weights += [(v.path, v) for v in model.weights if id(v) not in held]
    places, seen = {}, collections.Counter()
    for place, variable in weights:
        # Both translators of a CycleGAN have layers of the same name, so the path alone is not unique.
        places[f"{place}#{seen[place]}" if seen[place] else place] = variable
        seen[place] += 1
    return places
