"""Images drawn with more or less detail where a map says so, after Khosla et al.'s Figure 7."""
