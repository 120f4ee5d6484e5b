<?php

use App\Models\User;
use Illuminate\Support\Facades\Broadcast;

// Asked by the page's own backend (/broadcasting/auth), which signs the answer: a user listens to its own orders only.
Broadcast::channel('orders.{userId}', fn (User $user, int $userId): bool => $user->id === $userId);
