"""Makes figures/face_editing.png: unseen faces with less and more of a smile, of a tilt of the head, and of glasses.

Columns: the face, its reconstruction, then two for each attribute. Details are kept but for the tilt, which moves them.
"""

from pathlib import Path

import numpy as np

import zoo
from zoo.datasets import avatars
from zoo.images import grid, write_png

FACES, AMOUNTS = (1, 2, 3, 5, 6), {"smile": 1.0, "rotation": 0.6, "glasses": 1.0}


def main():
    model = zoo.load("beta_vae_avatars_64")
    faces = np.stack([avatars.render(avatars.draw("test", index)) for index in FACES])
    columns = [faces, model.reconstruct(faces)]
    for attribute, amount in AMOUNTS.items():
        in_place = attribute != "rotation"
        columns += [model.edit(faces, attribute, sign * amount, keep_details=in_place) for sign in (-1, 1)]
    picture = grid(np.stack(columns, 1).reshape(-1, *model.image_shape), columns=len(columns))
    write_png(Path(__file__).parent / "figures" / "face_editing.png", picture, scale=2)


if __name__ == "__main__":
    main()
