from memorability.notebook import correlate as correlate
from memorability.notebook import lpips_errors as lpips_errors
from memorability.notebook import noise_ceiling as noise_ceiling
from memorability.notebook import score_images as score_images

__version__: str
