"""Whether this machine is well: what amc needs of it, each looked at for real, and what to do.

Its door is `examine`. Nothing is changed, but for a file that is written and removed again.
"""

from amc.doctor.examination import examine
from amc.doctor.finding import Finding

__all__ = ["Finding", "examine"]
