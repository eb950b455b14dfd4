"""What is counted of a machine's processes, and the page that Prometheus reads it from."""

from everlake.metrics.meters import Meters
from everlake.metrics.page import MEDIA_TYPE, Page
from everlake.metrics.seats import Seat, take_seat
from everlake.metrics.serve import serve_page

__all__ = ["MEDIA_TYPE", "Meters", "Page", "Seat", "serve_page", "take_seat"]
